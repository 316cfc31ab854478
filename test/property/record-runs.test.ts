/** Batches of records against a service that fails by chance: whole requests, and parts of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { failureOf } from '../../src/destinations/aws/answer.ts'
import { RecordEncoder } from '../../src/destinations/aws/records/record-encoder.ts'
import { RecordRun } from '../../src/destinations/aws/records/record-run.ts'
import type { RecordsClient } from '../../src/destinations/aws/records/records-client.ts'
import { RetryRules } from '../../src/destinations/aws/retry-rules.ts'
import type { BatchOutcome } from '../../src/destinations/destination.ts'
import { serviceFor } from '../../src/destinations/kinesis/destination.ts'
import { ConnectorError } from '../../src/errors.ts'
import type { Message } from '../../src/message.ts'
import { batchOf, makeMessage } from '../support/channels/batch-maker.ts'
import { instantClock } from '../support/instant-clock.ts'

const SERVICE = { ...serviceFor('plant'), maxRecords: 5 }
const FORMAT = { format: 'payload', endsLines: false } as const
const THROTTLED = 'ProvisionedThroughputExceededException'
/** Tokens for retries are given back slowly. After this many sends the service is well. */
const FAILING_SENDS = 12

interface Sent {
  readonly offset: number
  readonly key: string
}

/** Kinesis, as far as `call` shows it. Checks that no record overtakes another of its key. */
class ChancyService {
  readonly stored: Sent[] = []
  readonly refused: number[] = []
  isWell = false
  readonly #messages: readonly Message[]
  readonly #chance: () => number

  constructor(messages: readonly Message[], chance: () => number) {
    this.#messages = messages
    this.#chance = chance
  }

  readonly call: RecordsClient['call'] = async ({ body, read }) => {
    const { Records } = JSON.parse(body.toString())
    const request: Sent[] = Records.map((record: Record<string, string>) => ({
      offset: Number(Buffer.from(record['Data'] ?? '', 'base64').toString()),
      key: record['PartitionKey'],
    }))
    this.#checkOrder(request)
    if (!this.isWell && this.#chance() < 0.15) return failureOf(answerOf(503, ''), 0)
    const entries = request.map((sent) => this.#take(sent))
    const failed = entries.filter((entry) => 'ErrorCode' in entry).length
    const answer = answerOf(200, JSON.stringify({ FailedRecordCount: failed, Records: entries }))
    const result = read(answer)
    assert.ok(result)
    return result
  }

  #take(sent: Sent): object {
    const chance = this.isWell ? 1 : this.#chance()
    if (chance < 0.3) return { ErrorCode: THROTTLED }
    if (chance < 0.33) {
      this.refused.push(sent.offset)
      return { ErrorCode: 'RecordRefused' }
    }
    this.stored.push(sent)
    return { SequenceNumber: String(this.stored.length), ShardId: 'shardId-0' }
  }

  #checkOrder(request: readonly Sent[]): void {
    const known = new Set([
      ...[...this.stored, ...request].map(({ offset }) => offset),
      ...this.refused,
    ])
    for (const { offset, key } of request) {
      const earlier = this.#messages.filter((one) => one.topic === key && one.offset < offset)
      for (const one of earlier)
        assert.ok(known.has(one.offset), `${offset} overtakes ${one.offset}`)
    }
    const offsets = request.map(({ offset }) => offset)
    assert.deepEqual(
      offsets,
      offsets.toSorted((a, b) => a - b),
    )
  }
}

function answerOf(status: number, body: string) {
  return { status, header: () => undefined, body, isCut: false }
}

test('whatever fails, each record is stored or rejected once, and no later request overtakes', async () => {
  const keys = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 23 })
  const chances = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 50 })
  await fc.assert(
    fc.asyncProperty(keys, chances, async (topics, drawn) => {
      let next = 0
      const chance = () => drawn[next++ % drawn.length] ?? 0
      const messages = topics.map((topic, offset) =>
        makeMessage(offset, { topic, payload: Buffer.from(String(offset)) }),
      )
      const client = new ChancyService(messages, chance)
      const encoder = new RecordEncoder(SERVICE, FORMAT, 'c', ({ topic }) => topic)
      const rejected: number[] = []
      let left: readonly Message[] = messages

      for (let round = 0; left.length > 0; round++) {
        client.isWell = round >= FAILING_SENDS
        const outcome = await sendOnce(left, client, encoder)
        if (outcome === undefined) continue
        rejected.push(...outcome.rejected.map(({ index }) => left[index]?.offset ?? -1))
        left = outcome.kept.flatMap((index) => left[index] ?? [])
      }

      const stored = client.stored.map(({ offset }) => offset)
      assert.deepEqual(
        [...stored, ...rejected].sort((a, b) => a - b),
        messages.map(({ offset }) => offset),
      )
      assert.deepEqual(rejected.toSorted(), client.refused.toSorted())
    }),
    { numRuns: 300 },
  )
})

/** Undefined if the whole batch is kept, which may only be if nothing of it was stored. */
async function sendOnce(
  messages: readonly Message[],
  client: ChancyService,
  encoder: RecordEncoder,
): Promise<BatchOutcome | undefined> {
  const before = client.stored.length + client.refused.length
  try {
    const run = new RecordRun({
      service: SERVICE,
      client,
      encoder,
      rules: new RetryRules(3, () => 0),
      clock: instantClock(),
      signal: new AbortController().signal,
      doing: () => 'sending',
    })
    return await run.send(encoder.encode(batchOf('press', messages)))
  } catch (error) {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'DestinationUnavailable')
    assert.equal(client.stored.length + client.refused.length, before)
    return undefined
  } finally {
    encoder.clear()
  }
}
