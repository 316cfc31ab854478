/**
 * The positions topic: how far each log has been written, in the same transactions as the messages.
 * It is compacted, so only the last record of each key matters.
 */
import { ConnectorError } from '../../errors.ts'
import { copyBytes } from '../rows/growing-buffer.ts'
import type { ProducerParts } from './producer-parts.ts'
import { errorOfCode, KafkaError } from './protocol/errors.ts'
import { keyHash } from './protocol/murmur2.ts'
import type { RecordBatch } from './protocol/record-batch.ts'
import { MAX_VARINT_BYTES, varintBytes, writeVarint } from './protocol/varint.ts'

const LATEST = -1n
const EARLIEST = -2n
const READ_UNCOMMITTED = 0
const READ_COMMITTED = 1
const NO_EPOCH = -1
const ANY_REPLICA = -1
const FETCH_BYTES = 4 * 1_024 * 1_024
const FETCH_WAIT_MS = 500
const CONTROL = 0x20
const TRANSACTIONAL = 0x10
const ABORT_MARKER = 0

export interface PositionOwner {
  readonly connectorId: string
  /** Of the destination. */
  readonly name: string
}

export function positionKey({ connectorId, name }: PositionOwner, logId: string): Buffer {
  return Buffer.from(JSON.stringify([connectorId, name, logId]))
}

export function positionPartition(key: Buffer, partitions: number): number {
  return keyHash(key) % partitions
}

/** Appends the record that says how far a log has been written. */
export function appendPosition(into: RecordBatch, key: Buffer, next: number, timeMs: number): void {
  const value = Buffer.from(JSON.stringify({ next }))
  const delta = timeMs - into.baseTime(timeMs)
  const size =
    1 +
    varintBytes(delta) +
    varintBytes(into.count) +
    varintBytes(key.length) +
    key.length +
    varintBytes(value.length) +
    value.length +
    1
  const { records } = into
  records.reserve(size + MAX_VARINT_BYTES)
  const target = records.bytes
  let at = writeVarint(size, target, records.length)
  target[at++] = 0
  at = writeVarint(delta, target, at)
  at = writeVarint(into.count, target, at)
  at = writeVarint(key.length, target, at)
  at = copyBytes(key, 0, key.length, target, at)
  at = writeVarint(value.length, target, at)
  at = copyBytes(value, 0, value.length, target, at)
  records.length = writeVarint(0, target, at)
  into.added(timeMs)
}

/**
 * The positions of an owner's logs, by log id. Nobody else may be writing them: the caller has just
 * got the producer id of their transactional id.
 *
 * It reads up to the end of the topic, not only up to the last stable offset: below that end, a
 * transaction of another connector may still be open, and what comes after it is hidden until it
 * ends.
 */
export async function readPositions(
  parts: ProducerParts,
  topic: string,
  owner: PositionOwner,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  const partitions = parts.cluster.partitionsOf(topic) ?? 0
  for (let partition = 0; partition < partitions; partition++) {
    const doing = `reading the positions in topic ${topic}`
    await parts.cluster.retried(signal, doing, () =>
      readPartition(parts, { topic, partition, doing }, signal, (key, value) => {
        note(found, owner, key, value)
      }),
    )
  }
  return found
}

interface Place {
  readonly topic: string
  readonly partition: number
  readonly doing: string
}

type OnRecord = (key: Buffer, value: Buffer) => void

async function readPartition(
  parts: ProducerParts,
  place: Place,
  signal: AbortSignal,
  onRecord: OnRecord,
): Promise<void> {
  const end = await offsetAt(parts, place, LATEST, signal)
  let next = await offsetAt(parts, place, EARLIEST, signal)
  while (next < end) {
    const { records, abortedTransactions } = await fetchFrom(parts, place, next, signal)
    const aborted = new AbortedTransactions(abortedTransactions)
    for (const batch of records) {
      next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
      if (!aborted.isCommitted(batch)) continue
      for (const { key, value } of batch.records) {
        if (key !== null && value !== null) onRecord(key, value)
      }
    }
  }
}

interface FetchedBatch {
  readonly firstOffset: bigint
  readonly lastOffsetDelta: number
  readonly attributes: number
  readonly producerId: bigint
  readonly records: readonly { readonly key: Buffer | null; readonly value: Buffer | null }[]
}

interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

/** Tells which batches belong to transactions that were aborted. */
export class AbortedTransactions {
  readonly #coming: AbortedTransaction[]
  readonly #open = new Set<bigint>()

  constructor(list: readonly AbortedTransaction[]) {
    this.#coming = list.toSorted((one, other) => Number(one.firstOffset - other.firstOffset))
  }

  /** To be asked in the order of offsets. */
  isCommitted(batch: FetchedBatch): boolean {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta)
    while ((this.#coming[0]?.firstOffset ?? last + 1n) <= last) {
      const begun = this.#coming.shift()
      if (begun !== undefined) this.#open.add(begun.producerId)
    }
    if ((batch.attributes & CONTROL) !== 0) {
      if (batch.records[0]?.key?.readInt16BE(2) === ABORT_MARKER)
        this.#open.delete(batch.producerId)
      return false
    }
    return (batch.attributes & TRANSACTIONAL) === 0 || !this.#open.has(batch.producerId)
  }
}

async function offsetAt(
  { library, connections, cluster }: ProducerParts,
  { topic, partition, doing }: Place,
  timestamp: bigint,
  signal: AbortSignal,
): Promise<bigint> {
  const broker = await connections.to(leaderOf(cluster, topic, partition), signal)
  const { api } = broker.newest('ListOffsets', [
    library.listOffsetsV8,
    library.listOffsetsV7,
    library.listOffsetsV6,
  ])
  const asked = { partitionIndex: partition, currentLeaderEpoch: NO_EPOCH, timestamp }
  const { topics } = await connections.request(broker, signal, (at) =>
    api.async(at.connection, ANY_REPLICA, READ_UNCOMMITTED, [{ name: topic, partitions: [asked] }]),
  )
  const answer = topics[0]?.partitions[0]
  if (answer === undefined) throw new KafkaError('retry', `${doing}: no answer`)
  return answer.offset
}

async function fetchFrom(
  { library, connections, cluster }: ProducerParts,
  { topic, partition, doing }: Place,
  fetchOffset: bigint,
  signal: AbortSignal,
) {
  const broker = await connections.to(leaderOf(cluster, topic, partition), signal)
  // The newest version that names topics instead of their ids.
  const { api } = broker.newest('Fetch', [library.fetchV12])
  const asked = {
    partition,
    currentLeaderEpoch: NO_EPOCH,
    fetchOffset,
    lastFetchedEpoch: NO_EPOCH,
    partitionMaxBytes: FETCH_BYTES,
  }
  const topics = [{ topicId: topic, partitions: [asked] }]
  const { responses } = await connections.request(broker, signal, (at) =>
    api.async(
      at.connection,
      FETCH_WAIT_MS,
      1,
      FETCH_BYTES,
      READ_COMMITTED,
      0,
      NO_EPOCH,
      topics,
      [],
      '',
    ),
  )
  const answer = responses[0]?.partitions[0]
  if (answer === undefined) throw new KafkaError('retry', `${doing}: no answer`)
  if (answer.errorCode !== 0) throw errorOfCode(answer.errorCode, doing)
  const records: readonly FetchedBatch[] = answer.records ?? []
  return { records, abortedTransactions: answer.abortedTransactions }
}

function leaderOf(cluster: ProducerParts['cluster'], topic: string, partition: number) {
  const leader = cluster.leaderOf(topic, partition)
  if (leader !== undefined) return leader
  cluster.forget(topic)
  throw new KafkaError('stale', `partition ${partition} of topic ${topic} has no leader`)
}

/** Records of other owners, and of other programs, are passed over. */
function note(found: Map<string, number>, owner: PositionOwner, key: Buffer, value: Buffer): void {
  try {
    const [connectorId, name, logId]: unknown[] = JSON.parse(String(key))
    if (connectorId !== owner.connectorId || name !== owner.name) return
    const next: unknown = JSON.parse(String(value)).next
    if (typeof logId === 'string' && Number.isSafeInteger(next)) found.set(logId, Number(next))
  } catch {
    // Not one of ours.
  }
}

export function positionsMissing(topic: string): ConnectorError {
  return new ConnectorError(
    'DestinationMissing',
    `there is no topic ${topic} for the positions, or the user may not see it. To create it: kafka-topics.sh --bootstrap-server HOST:PORT --create --topic ${topic} --partitions 1 --config cleanup.policy=compact`,
  )
}
