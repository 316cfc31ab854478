/** What is sent of a batch, and how messages are found that a destination cannot store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BatchSender } from '../../../src/delivery/batches/batch-sender.ts'
import type { LogNote, LogNotes } from '../../../src/delivery/batches/log-notes.ts'
import type { Batch, BatchOutcome, Destination } from '../../../src/destinations/destination.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { makeMessage } from '../../support/channels/batch-maker.ts'
import { makeBatchRule } from '../../support/destinations/batch-rule.ts'

/** Stores batches as a whole, or not at all if one of their messages is poison. */
class StrictDestination implements Destination {
  readonly name = 'strict'
  readonly description = 'takes all of a batch or nothing'
  readonly batchRule = makeBatchRule()
  readonly stored: number[] = []
  calls = 0
  poison: (offset: number) => boolean = () => false
  failure: (call: number, offsets: readonly number[]) => ConnectorError | undefined = () =>
    undefined
  position?: () => Promise<number>

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  async send({ messages }: Batch): Promise<BatchOutcome> {
    this.calls += 1
    const offsets = messages.map(({ offset }) => offset)
    const failure = this.failure(this.calls, offsets)
    if (failure !== undefined) throw failure
    if (offsets.some(this.poison)) throw new ConnectorError('ContentRefused', 'not JSON')
    this.stored.push(...offsets)
    return { rejected: [], kept: [] }
  }
}

const away = new ConnectorError('DestinationUnavailable', 'away')

function senderTo(destination: Destination, logEnd = 1_000) {
  const { signal } = new AbortController()
  const log = { channel: 'c', id: '0a1b2c3d', end: logEnd }
  const cursor = { position: { position: 0 } }
  return new BatchSender({ destination, log, cursor, signal })
}

const messagesOf = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => makeMessage(from + index))

test('a message that the destination cannot store is rejected with the reason, and no other', async () => {
  const destination = new StrictDestination()
  destination.poison = (offset) => offset === 5

  const outcome = await senderTo(destination).send(messagesOf(8))

  assert.deepEqual(outcome.rejected, [
    { index: 5, refusal: { error: 'ContentRefused', message: 'not JSON' } },
  ])
  assert.deepEqual(outcome.kept, [])
  assert.deepEqual(destination.stored, [0, 1, 2, 3, 4, 6, 7])
})

test('one message out of a thousand costs about twenty calls', async () => {
  const destination = new StrictDestination()
  destination.poison = (offset) => offset === 617

  await senderTo(destination).send(messagesOf(1_000))

  assert.ok(destination.calls <= 21, `${destination.calls} calls`)
})

test('a failure while a batch is divided keeps the rest with its reason, and what is stored counts', async () => {
  const destination = new StrictDestination()
  destination.poison = (offset) => offset === 1
  destination.failure = (_, offsets) => (offsets[0] === 2 ? away : undefined)

  const outcome = await senderTo(destination).send(messagesOf(4))

  assert.deepEqual(destination.stored, [0])
  assert.deepEqual(
    outcome.rejected.map(({ index }) => index),
    [1],
  )
  assert.deepEqual(outcome.kept, [2, 3])
  assert.deepEqual(outcome.keptReason, { error: 'DestinationUnavailable', message: 'away' })
})

test('a failure before anything is stored is the failure of the batch', async () => {
  const destination = new StrictDestination()
  destination.failure = () => away

  await assert.rejects(senderTo(destination).send(messagesOf(4)), away)
})

test('messages that the destination has already count as delivered and are not sent', async () => {
  const destination = new StrictDestination()
  let asked = 0
  destination.position = async () => {
    asked += 1
    return 7
  }
  const sender = senderTo(destination)

  const first = await sender.send(messagesOf(4))
  const second = await sender.send(messagesOf(6, 4))
  const third = await sender.send(messagesOf(2, 10))

  assert.deepEqual(destination.stored, [7, 8, 9, 10, 11])
  for (const outcome of [first, second, third]) {
    assert.deepEqual([outcome.rejected, outcome.kept], [[], []])
  }
  assert.equal(asked, 1)
})

test('indexes of a batch that is sent in part are those of the whole batch', async () => {
  const destination = new StrictDestination()
  destination.position = async () => 2
  destination.poison = (offset) => offset === 3

  const { rejected } = await senderTo(destination).send(messagesOf(5))

  assert.deepEqual(
    rejected.map(({ index }) => index),
    [3],
  )
})

test('nothing is sent before the position is known, and it is asked for again', async () => {
  const destination = new StrictDestination()
  const answers = [Promise.reject(away), Promise.resolve(1)]
  destination.position = () => answers.shift() ?? Promise.resolve(0)
  const sender = senderTo(destination)

  await assert.rejects(sender.send(messagesOf(2)), away)
  const before = destination.stored.length
  await sender.send(messagesOf(2))

  assert.equal(before, 0)
  assert.deepEqual(destination.stored, [1])
})

/** Remembers notes as a file would, over restarts. */
class NotesInMemory implements LogNotes {
  readonly notes = new Map<string, LogNote>()
  find(destination: string, logId: string): LogNote {
    return this.notes.get(`${destination}/${logId}`) ?? {}
  }
  async keep(destination: string, logId: string, note: LogNote): Promise<void> {
    this.notes.set(`${destination}/${logId}`, note)
  }
}

/** Has a position for each log id, as a database would. */
class PositionedDestination extends StrictDestination {
  readonly positions = new Map<string, number>()
  readonly rows: string[] = []
  isAway = false

  override position = async (...[, logId = '']: readonly unknown[]): Promise<number> => {
    if (this.isAway) throw away
    return this.positions.get(String(logId)) ?? 0
  }

  override async send(batch: Batch): Promise<BatchOutcome> {
    for (const { offset } of batch.messages) {
      if (offset < (this.positions.get(batch.logId) ?? 0)) continue
      this.rows.push(`${batch.logId}/${offset}`)
      this.positions.set(batch.logId, offset + 1)
    }
    return { rejected: [], kept: [] }
  }
}

function restartedOn(destination: Destination, logNotes: LogNotes, end: number) {
  const log = { channel: 'c', id: '0a1b2c3d', end }
  const { signal } = new AbortController()
  return { log, sender: new BatchSender({ destination, log, logNotes, signal }) }
}

test('a destination that has more than the log ever had makes the first batch wait, and says why', async () => {
  const destination = new StrictDestination()
  destination.position = async () => 50

  await assert.rejects(senderTo(destination, 40).send(messagesOf(2, 38)), (error) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'DestinationAhead')
    assert.equal(error.effect, 'retry')
    assert.match(error.message, /channel c \(log 0a1b2c3d\) up to offset 50.*ended at 40/)
    return true
  })
  assert.deepEqual(destination.stored, [])
})

test('messages after a restored backup are sent as those of another log, and older ones are not sent', async () => {
  const destination = new PositionedDestination()
  destination.positions.set('0a1b2c3d', 50)
  const notes = new NotesInMemory()
  const { log, sender } = restartedOn(destination, notes, 40)
  log.end = 60 // beyond the position, which then no longer shows it

  await assert.rejects(sender.send(messagesOf(5, 38)), { code: 'DestinationAhead' })
  await sender.send(messagesOf(5, 38))
  await restartedOn(destination, notes, 60).sender.send(messagesOf(5, 41))

  const id = notes.find('strict', '0a1b2c3d').renewal?.logId
  assert.match(id ?? '', /^[0-9a-f]{8}$/)
  assert.notEqual(id, '0a1b2c3d')
  assert.deepEqual(
    destination.rows,
    [40, 41, 42, 43, 44, 45].map((offset) => `${id}/${offset}`),
  )
})

test('a backup is noticed although the destination was away over restarts and the log has grown', async () => {
  const destination = new PositionedDestination()
  destination.positions.set('0a1b2c3d', 50)
  destination.isAway = true
  const notes = new NotesInMemory()
  await assert.rejects(restartedOn(destination, notes, 40).sender.send(messagesOf(9, 38)), away)
  await assert.rejects(restartedOn(destination, notes, 70).sender.send(messagesOf(9, 38)), away)
  destination.isAway = false
  const { sender } = restartedOn(destination, notes, 90)

  await assert.rejects(sender.send(messagesOf(9, 38)), { code: 'DestinationAhead' })
  await sender.send(messagesOf(9, 38))

  assert.deepEqual(
    destination.rows.map((row) => row.slice(9)),
    ['40', '41', '42', '43', '44', '45', '46'],
  )
})

test('a destination that was away, and has what was sent before, is not taken for one that is ahead', async () => {
  const destination = new PositionedDestination()
  destination.positions.set('0a1b2c3d', 40)
  const notes = new NotesInMemory()
  destination.isAway = true
  await assert.rejects(restartedOn(destination, notes, 40).sender.send(messagesOf(5, 38)), away)
  destination.isAway = false
  await restartedOn(destination, notes, 45).sender.send(messagesOf(5, 38))
  await restartedOn(destination, notes, 45).sender.send(messagesOf(5, 40))

  assert.deepEqual(destination.rows, [
    '0a1b2c3d/40',
    '0a1b2c3d/41',
    '0a1b2c3d/42',
    '0a1b2c3d/43',
    '0a1b2c3d/44',
  ])
  assert.deepEqual(notes.find('strict', '0a1b2c3d'), {})
})

test('every message has one fate, in order, whatever is poison and whenever the destination fails', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 40 }),
      fc.uniqueArray(fc.nat(39)),
      fc.uniqueArray(fc.nat(30)),
      fc.nat(20),
      async (count, poison, failing, position) => {
        const destination = new StrictDestination()
        destination.poison = (offset) => poison.includes(offset)
        destination.failure = (call) => (failing.includes(call) ? away : undefined)
        destination.position = async () => position
        const { rejected, kept } = await senderTo(destination)
          .send(messagesOf(count))
          .catch(() => ({ rejected: [], kept: messagesOf(count).map(({ offset }) => offset) }))

        const lost = rejected.map(({ index }) => index)
        const known = Array.from({ length: Math.min(position, count) }, (_, offset) => offset)
        const isWhole = kept.length === count
        assert.deepEqual(
          [...(isWhole ? [] : known), ...destination.stored, ...lost, ...kept].sort(
            (a, b) => a - b,
          ),
          messagesOf(count).map(({ offset }) => offset),
        )
        for (const index of lost) assert.ok(poison.includes(index))
        assert.ok(Math.max(-1, ...destination.stored) < Math.min(count, ...kept))
      },
    ),
    { numRuns: 300 },
  )
})
