/** What answers of S3 mean: each row of the error table of docs/destinations/s3.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { failureOf } from '../../../../src/destinations/s3/s3-failure.ts'
import { ERROR_CATALOGUE } from '../../../../src/errors.ts'

const NOW = Date.UTC(2026, 10, 29, 12)

interface Given {
  readonly status: number
  readonly code?: string
  readonly more?: string
  readonly headers?: Readonly<Record<string, string>>
}

function answerOf({ status, code, more = '', headers = {} }: Given) {
  const body =
    code === undefined ? '' : `<Error><Code>${code}</Code><Message>m</Message>${more}</Error>`
  return { status, body, isCut: false, header: (name: string) => headers[name] }
}

const failure = (given: Given) => failureOf(answerOf(given), NOW)

test('success is no failure, unless the body is an error', () => {
  for (const status of [200, 204]) assert.equal(failure({ status }), undefined)
  assert.equal(failure({ status: 200, code: 'InternalError' })?.kind, 'transient')
  assert.equal(failure({ status: 200, code: 'SlowDown' })?.kind, 'throttling')
})

const TABLE: readonly (readonly [kind: string, code: string, Given])[] = [
  ['transient', 'DestinationUnavailable', { status: 409, code: 'ConditionalRequestConflict' }],
  ['transient', 'DestinationUnavailable', { status: 409, code: 'OperationAborted' }],
  ['transient', 'DestinationUnavailable', { status: 500, code: 'InternalError' }],
  ['transient', 'DestinationUnavailable', { status: 400, code: 'RequestTimeout' }],
  ['transient', 'DestinationUnavailable', { status: 400, code: 'BadDigest' }],
  ['transient', 'DestinationUnavailable', { status: 400, code: 'XAmzContentSHA256Mismatch' }],
  ['transient', 'DestinationUnavailable', { status: 502 }],
  ['throttling', 'DestinationUnavailable', { status: 503, code: 'SlowDown' }],
  ['throttling', 'DestinationUnavailable', { status: 503 }],
  ['throttling', 'DestinationUnavailable', { status: 429 }],
  ['expired', 'CredentialsUnavailable', { status: 400, code: 'ExpiredToken' }],
  ['denied', 'DestinationDenied', { status: 403, code: 'AccessDenied' }],
  ['denied', 'DestinationDenied', { status: 403, code: 'InvalidAccessKeyId' }],
  ['denied', 'DestinationDenied', { status: 403, code: 'SignatureDoesNotMatch' }],
  ['denied', 'DestinationDenied', { status: 400, code: 'KMS.DisabledException' }],
  ['denied', 'DestinationDenied', { status: 403 }],
  ['denied', 'DestinationDenied', { status: 407 }],
  ['denied', 'DestinationDenied', { status: 301, code: 'PermanentRedirect' }],
  ['denied', 'DestinationDenied', { status: 400, code: 'AuthorizationHeaderMalformed' }],
  ['unavailable', 'DestinationMissing', { status: 404, code: 'NoSuchBucket' }],
  ['unavailable', 'DestinationUnavailable', { status: 400, code: 'InvalidStorageClass' }],
  ['unavailable', 'DestinationUnavailable', { status: 405 }],
]

for (const [kind, code, given] of TABLE) {
  test(`${given.status} ${given.code ?? 'without a name'} is ${kind}, ${code}`, () => {
    const found = failure(given)
    assert.equal(found?.kind, kind)
    assert.equal(found?.code, code)
    assert.equal(found?.finding, undefined)
  })
}

test('an object or an upload that is there or not is a finding, and not tried again', () => {
  const cases: readonly (readonly [string, Given])[] = [
    ['exists', { status: 412, code: 'PreconditionFailed' }],
    ['exists', { status: 412 }],
    ['exists', { status: 304 }],
    ['not-found', { status: 404 }],
    ['not-found', { status: 404, code: 'NoSuchKey' }],
    ['not-found', { status: 404, code: 'NoSuchUpload' }],
    ['no-condition', { status: 501, code: 'NotImplemented' }],
  ]
  for (const [finding, given] of cases) {
    assert.equal(failure(given)?.finding, finding, JSON.stringify(given))
    assert.equal(failure(given)?.kind, 'unavailable', JSON.stringify(given))
  }
})

test('a wrong clock is corrected by the service’s time, also if only the signature is named', () => {
  const headers = { date: new Date(NOW + 3_600_000).toUTCString() }
  for (const code of ['RequestTimeTooSkewed', 'SignatureDoesNotMatch']) {
    const found = failure({ status: 403, code, headers })
    assert.equal(found?.kind, 'skewed', code)
    assert.equal(found?.skewMs, 3_600_000)
  }
  const near = { date: new Date(NOW + 60_000).toUTCString() }
  const found = failure({ status: 403, code: 'SignatureDoesNotMatch', headers: near })
  assert.equal(found?.kind, 'denied')
})

test('a wrong region is named, from the body or from a header', () => {
  const body = { status: 301, code: 'PermanentRedirect', more: '<Region>eu-west-1</Region>' }
  assert.match(failure(body)?.advice ?? '', /"region" to eu-west-1/)
  const header = { status: 301, headers: { 'x-amz-bucket-region': 'eu-west-3' } }
  assert.match(failure(header)?.advice ?? '', /"region" to eu-west-3/)
})

test('no answer rejects a message', () => {
  const name = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('EntityTooLarge', 'toString'))
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), name, (status, code) => {
      const found = failure({ status, ...(/^\w+$/.test(code) ? { code } : {}) })
      if (found === undefined) return
      assert.equal(ERROR_CATALOGUE[found.code].effect, 'retry')
      assert.notEqual(found.kind, 'refused')
    }),
  )
})
