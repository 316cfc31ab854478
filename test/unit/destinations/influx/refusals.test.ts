/** Answers of InfluxDB 2 and 3, QuestDB and others, and what becomes of the messages. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { influxOptions } from '../../../../src/destinations/influx/options.ts'
import { batchOf, makeBatch, makeMessage } from '../../../support/channels/batch-maker.ts'
import { errorOf, never } from '../../../support/destinations/destination-under-test.ts'
import { HttpCollector } from '../../../support/destinations/http-collector.ts'
import { type GivenInflux, influxAt } from '../../../support/destinations/influx-destination.ts'

async function setUp(t: TestContext, given: GivenInflux) {
  const service = await HttpCollector.start(t)
  const destination = influxAt(new URL(service.url).origin, given)
  await destination.open()
  t.after(() => destination.close())
  service.always({ status: 204 })
  return { service, destination }
}

const json = (status: number, body: unknown) => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

describe('requests', () => {
  const cases = [
    [
      { api: 'v1', database: 'a b', retentionPolicy: 'week' },
      '/write?db=a+b&rp=week&precision=ns',
      'Token',
    ],
    [{ api: 'v2', bucket: 'b', org: 'o' }, '/api/v2/write?bucket=b&org=o&precision=ns', 'Token'],
    [
      { api: 'v3', database: 'd' },
      '/api/v3/write_lp?db=d&precision=nanosecond&accept_partial=true',
      'Bearer',
    ],
  ] as const
  for (const [given, path, scheme] of cases) {
    test(`${given.api} posts to ${path}`, async (t) => {
      const { service, destination } = await setUp(t, { ...given, auth: { token: 'secret' } })
      await destination.send(makeBatch('c', 1), never)
      assert.equal(service.requests[0]?.path, path)
      assert.equal(service.requests[0]?.headers['authorization'], `${scheme} secret`)
      assert.equal(service.requests[0]?.body, 'c,connector=site-1 reading=0 0\n')
    })
  }

  test('a batch of which no message has fields sends no request', async (t) => {
    const { service, destination } = await setUp(t, { api: 'v1' })
    const message = makeMessage(0, { payload: Buffer.from('hello') })
    const { rejected } = await destination.send(batchOf('c', [message]), never)
    assert.equal(rejected.length, 1)
    assert.deepEqual(service.requests, [])
  })
})

describe('lines that the server names', () => {
  test('InfluxDB 3: those are rejected, and the others are sent until they are accepted', async (t) => {
    const { service, destination } = await setUp(t, { api: 'v3' })
    const reason = 'invalid column type for column v'
    service.next(
      json(400, {
        error: 'partial write of line protocol occurred',
        data: [
          { original_line: 'c reading=…', line_number: 2, error_message: reason },
          { original_line: 'c reading=…', line_number: 4, error_message: 'other' },
        ],
      }),
    )

    const { rejected, kept } = await destination.send(makeBatch('c', 5), never)

    assert.deepEqual(kept, [])
    assert.deepEqual(rejected, [
      { index: 1, refusal: { error: 'ContentRefused', message: reason } },
      { index: 3, refusal: { error: 'ContentRefused', message: 'other' } },
    ])
    const [, second] = service.requests
    assert.match(second?.body ?? '', /^.*reading=0 .*\n.*reading=2 .*\n.*reading=4 .*\n$/)
  })

  test('QuestDB: line after line, and messages without a line do not shift the numbers', async (t) => {
    const { service, destination } = await setUp(t, { api: 'v2' })
    const error = (line: number) =>
      json(400, { code: 'invalid', message: `failed to parse line protocol in line ${line}`, line })
    service.next(error(1), error(2))
    const payloads = ['hello', '{"n":1}', '{"n":2}', '{"n":3}']
    const messages = payloads.map((payload, offset) =>
      makeMessage(offset, { payload: Buffer.from(payload) }),
    )

    const { rejected } = await destination.send(batchOf('c', messages), never)

    assert.deepEqual(
      rejected.map(({ index }) => index),
      [0, 1, 3],
    )
    assert.match(service.requests.at(-1)?.body ?? '', /^c,connector=site-1 n=2 2\n$/)
  })

  test('a server that names one line after the other has the rest divided', async (t) => {
    const { service, destination } = await setUp(t, { api: 'v2' })
    service.always(json(400, { message: 'unable to parse', line: 1 }))
    const error = await errorOf(destination.send(makeBatch('c', 100), never))
    assert.equal(error.code, 'ContentRefused')
    assert.ok(service.requests.length < 10)
  })
})

describe('other refusals', () => {
  const CONFLICT = {
    code: 'unprocessable entity',
    message:
      'failure writing points to database: partial write: field type conflict: input field "v" on measurement "c" is type string, already exists as type float dropped=1',
  }
  const cases = [
    ['ContentRefused', json(422, CONFLICT)],
    [
      'ContentRefused',
      json(400, { code: 'invalid', message: "unable to parse 'bucket required': x" }),
    ],
    ['ContentRefused', { status: 413, body: '' }],
    [
      'DestinationUnavailable',
      json(400, { code: 'invalid', message: 'Please provide either orgID or org' }),
    ],
    ['DestinationUnavailable', json(400, { error: 'database is required' })],
    [
      'DestinationUnavailable',
      json(400, {
        error: 'partial write: max-series-per-database limit exceeded: (1000000) dropped=1',
      }),
    ],
    ['DestinationMissing', json(404, { code: 'not found', message: 'bucket "plant" not found' })],
    ['DestinationDenied', json(401, { code: 'unauthorized', message: 'unauthorized access' })],
    ['DestinationUnavailable', { status: 503, body: '' }],
    [
      'DestinationUnavailable',
      { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Log in' },
    ],
  ] as const
  for (const [code, answer] of cases) {
    test(`${answer.status} ${answer.body.slice(0, 60)}: ${code}`, async (t) => {
      const { service, destination } = await setUp(t, { api: 'v2' })
      service.always(answer)
      const error = await errorOf(destination.send(makeBatch('c', 2), never))
      assert.equal(error.code, code)
    })
  }

  test('all lines at once, if the server has dropped as many as there are', async (t) => {
    const { service, destination } = await setUp(t, { api: 'v1' })
    const error = 'partial write: points beyond retention policy dropped=3'
    service.next(json(400, { error }))
    const { rejected } = await destination.send(makeBatch('c', 3), never)
    assert.equal(rejected.length, 3)
    assert.equal(service.requests.length, 1)
  })
})

describe('the settings', () => {
  const url = 'http://x'
  const cases = [
    ['bucket', { url }],
    ['database', { url, api: 'v1' }],
    ['database', { url, bucket: 'b', database: 'd' }],
    ['org', { url, api: 'v3', database: 'd', org: 'o' }],
    ['retentionPolicy', { url, api: 'v3', database: 'd', retentionPolicy: 'r' }],
    ['tags', { url, bucket: 'b', tags: { time: { topicLevel: 1 } } }],
    ['tags', { url, bucket: 'b', tags: { connector: { topicLevel: 1 } } }],
    ['tags', { url, bucket: 'b', tags: { a: { topicLevel: 0 } } }],
    ['tags', { url, bucket: 'b', tags: { a: { topicLevel: 1, json: 'b' } } }],
    ['measurement', { url, bucket: 'b', measurement: 'a\nb' }],
  ] as const
  for (const [path, given] of cases) {
    test(`${JSON.stringify(given)} is refused`, () => {
      const result = influxOptions.safeParse(given)
      assert.equal(result.success, false)
      assert.ok(
        result.error?.issues.some((issue) => issue.path[0] === path),
        String(result.error),
      )
    })
  }
})
