import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { failureOf } from '../../../../src/destinations/aws/answer.ts'
import {
  failedRecordsOf,
  targetStatusIn,
} from '../../../../src/destinations/aws/records/record-answer.ts'
import {
  errorOf,
  isPermissionMissing,
} from '../../../../src/destinations/aws/records/record-errors.ts'
import { serviceFor as firehoseService } from '../../../../src/destinations/firehose/destination.ts'
import { serviceFor } from '../../../../src/destinations/kinesis/destination.ts'

const KINESIS = serviceFor('plant')
const FIREHOSE = firehoseService('plant')
const RECORD_TOO_LONG =
  "1 validation error detected: Value at 'records.1.member.data' failed to satisfy constraint: Member must have length less than or equal to 1048576"

function answer(status: number, body: unknown, isCut = false) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { status, header: () => undefined, body: text, isCut }
}

function codeFor(status: number, name: string | undefined, message = 'Said so.') {
  const failure = failureOf(answer(status, { __type: name, message }), 0)
  return errorOf(failure, KINESIS, 'sending').code
}

describe('a failure of a whole call', () => {
  test('every documented error keeps the messages, or is about their content', () => {
    const expected: Record<string, readonly (readonly [number, string | undefined, string?])[]> = {
      DestinationMissing: [[400, 'ResourceNotFoundException']],
      DestinationDenied: [
        [400, 'AccessDeniedException'],
        [400, 'UnrecognizedClientException'],
        [400, 'InvalidSignatureException'],
        [400, 'MissingAuthenticationTokenException'],
        [400, 'OptInRequired'],
        [400, 'KMSAccessDeniedException'],
        [400, 'KMSDisabledException'],
        [400, 'KMSInvalidStateException'],
        [400, 'KMSNotFoundException'],
        [400, 'KMSOptInRequired'],
        [400, 'InvalidKMSResourceException'],
        [401, undefined],
        [403, undefined],
        [407, undefined],
      ],
      CredentialsUnavailable: [[400, 'ExpiredTokenException']],
      DestinationUnavailable: [
        [400, 'ProvisionedThroughputExceededException'],
        [400, 'LimitExceededException'],
        [400, 'ThrottlingException'],
        [400, 'KMSThrottlingException'],
        [500, 'InternalFailure'],
        [500, 'InternalFailureException'],
        [503, 'ServiceUnavailableException'],
        [400, 'InvalidArgumentException', 'Invalid StreamName'],
        [400, 'ValidationException', "Value 'records' at 'streamName' failed to satisfy"],
        [400, 'InvalidSourceException'],
        [400, 'SerializationException'],
        [400, 'UnknownOperationException'],
        [404, undefined],
        [429, undefined],
        [502, undefined],
        [504, undefined],
      ],
      ContentRefused: [
        [400, 'ValidationException', RECORD_TOO_LONG],
        [400, 'InvalidArgumentException', 'Records size exceeds 5 MB limit'],
      ],
    }

    for (const [code, cases] of Object.entries(expected)) {
      for (const [status, name, message] of cases) {
        assert.equal(codeFor(status, name, message), code, `${status} ${name} ${message}`)
      }
    }
  })

  test('a bare 413 is about the size of the records', () => {
    const failure = failureOf(answer(413, ''), 0)

    assert.equal(errorOf(failure, KINESIS, 'sending').code, 'ContentRefused')
  })

  test('a 413 of a gateway is about the size of the records too', () => {
    const failure = failureOf(answer(413, '{"message":"Request Too Long"}'), 0)

    assert.equal(errorOf(failure, KINESIS, 'sending').code, 'ContentRefused')
  })

  test('the text names what is missing, and how to create it', () => {
    const failure = failureOf(answer(400, { __type: 'ResourceNotFoundException' }), 0)

    assert.match(
      errorOf(failure, FIREHOSE, 'sending').message,
      /Create the Firehose stream plant .*aws firehose create-delivery-stream --delivery-stream-name plant/,
    )
    assert.match(errorOf(failure, KINESIS, 'sending').message, /aws kinesis create-stream/)
  })

  test('the text names the permission, and for an error of KMS the key', () => {
    const said = (name: string) =>
      errorOf(failureOf(answer(400, { __type: name }), 0), KINESIS, 'sending').message

    assert.match(said('AccessDeniedException'), /kinesis:PutRecords on the stream plant/)
    assert.match(said('KMSDisabledException'), /KMS key that encrypts the stream plant/)
  })

  test('a missing permission is not mistaken for a wrong key or a proxy', () => {
    const isMissing = (status: number, name?: string) =>
      isPermissionMissing(failureOf(answer(status, name === undefined ? '' : { __type: name }), 0))

    assert.equal(isMissing(400, 'AccessDeniedException'), true)
    assert.equal(isMissing(400, 'UnrecognizedClientException'), false)
    assert.equal(isMissing(400, 'OptInRequired'), false)
    assert.equal(isMissing(403, 'ForbiddenException'), false)
    assert.equal(isMissing(407), false)
    assert.equal(isMissing(403), false)
  })
})

describe('an answer by position', () => {
  const entry = (ErrorCode: string) => ({ ErrorCode, ErrorMessage: 'Said so.' })
  const stored = { SequenceNumber: '1', ShardId: 'shardId-000000000000' }

  test('names the records that were not stored, and whether they may be later', () => {
    const body = {
      FailedRecordCount: 5,
      Records: [
        stored,
        entry('ProvisionedThroughputExceededException'),
        entry('InternalFailure'),
        entry('KMSThrottlingException'),
        entry('ResourceNotFoundException'),
        entry('RecordRefused'),
      ],
    }

    const failed = failedRecordsOf(answer(200, body), 6, KINESIS)

    assert.deepEqual(
      failed?.map(({ at, isForNow }) => [at, isForNow]),
      [
        [1, true],
        [2, true],
        [3, true],
        [4, true],
        [5, false],
      ],
    )
  })

  test('Firehose has other names for the same', () => {
    const body = { FailedPutCount: 1, RequestResponses: [entry('ServiceUnavailableException')] }

    const failed = failedRecordsOf(answer(200, body), 1, FIREHOSE)

    assert.deepEqual(failed?.[0]?.refusal, {
      error: 'ServiceUnavailableException',
      message: 'Said so.',
    })
    assert.equal(failed?.[0]?.isForNow, true)
  })

  test('entries count, not the number of failures beside them', () => {
    const body = { FailedRecordCount: 0, Records: [entry('InternalFailure'), stored] }

    assert.deepEqual(
      failedRecordsOf(answer(200, body), 2, KINESIS)?.map(({ at }) => at),
      [0],
    )
  })

  test('anything that leaves open what became of a record acknowledges nothing', () => {
    const whole = { FailedRecordCount: 0, Records: [stored, stored] }
    const answers = [
      answer(200, whole, true),
      answer(204, whole),
      answer(200, ''),
      answer(200, '<html></html>'),
      answer(200, '[]'),
      answer(200, {}),
      answer(200, { FailedRecordCount: 0 }),
      answer(200, { FailedRecordCount: 0, Records: [stored] }),
      answer(200, { FailedRecordCount: 0, Records: [stored, stored, stored] }),
      answer(200, { FailedRecordCount: 1, Records: [stored, stored] }),
      answer(200, { FailedPutCount: 0, RequestResponses: [stored, stored] }),
      answer(200, { FailedRecordCount: 0, Records: [stored, {}] }),
      answer(200, { FailedRecordCount: 0, Records: [stored, null] }),
      answer(200, { Records: [stored, { ErrorMessage: 'Rate exceeded.' }] }),
      answer(200, { FailedRecordCount: 1, Records: [stored, { ErrorCode: '' }] }),
      answer(200, { FailedRecordCount: 2, Records: [entry('InternalFailure'), stored] }),
    ]

    assert.deepEqual(failedRecordsOf(answer(200, whole), 2, KINESIS), [])
    for (const each of answers) assert.equal(failedRecordsOf(each, 2, KINESIS), undefined)
  })

  test('the status of a target is found in either description', () => {
    const kinesis = { StreamDescriptionSummary: { StreamName: 'plant', StreamStatus: 'ACTIVE' } }
    const firehose = { DeliveryStreamDescription: { DeliveryStreamStatus: 'CREATING' } }

    assert.equal(targetStatusIn(answer(200, kinesis)), 'ACTIVE')
    assert.equal(targetStatusIn(answer(200, firehose)), 'CREATING')
    assert.equal(targetStatusIn(answer(200, {})), undefined)
    assert.equal(targetStatusIn(answer(400, kinesis)), undefined)
  })
})
