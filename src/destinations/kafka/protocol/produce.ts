/** The request that writes record batches. Each broker gets those of the partitions it leads. */
import type { ConnectorError } from '../../../errors.ts'
import type { Cluster } from './cluster.ts'
import type { Broker, BrokerAddress, Connections } from './connections.ts'
import { KafkaError } from './errors.ts'
import type { KafkaLibrary } from './library.ts'
import type { RecordBatch } from './record-batch.ts'

const ALL_IN_SYNC_REPLICAS = -1
/** Of the time for the whole request, so that the broker's answer comes first. */
const BROKER_SHARE = 0.8

export interface PartitionAnswer {
  /** 0: the records are stored. */
  readonly code: number
  readonly message: string | null
  /** Which records are to blame, if the broker says so. */
  readonly recordErrors: readonly { readonly index: number; readonly message: string | null }[]
}

/** There was no answer about the partition. */
export interface NoAnswer {
  readonly error: ConnectorError
  /** False: the request has not been sent. */
  readonly mayBeStored: boolean
}

export interface ProduceOptions {
  readonly library: KafkaLibrary
  readonly cluster: Cluster
  readonly connections: Connections
  readonly transactionalId: string | null
  readonly timeoutMs: number
}

type Reader = InstanceType<KafkaLibrary['Reader']>
type Writer = InstanceType<KafkaLibrary['Writer']>

interface Answers {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly (PartitionAnswer & { readonly partition: number })[]
  }[]
}

/** Never rejects. */
export async function produce(
  batches: readonly RecordBatch[],
  options: ProduceOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<RecordBatch, PartitionAnswer | NoAnswer>> {
  const found = new Map<RecordBatch, PartitionAnswer | NoAnswer>()
  const byLeader = new Map<string, { address: BrokerAddress; batches: RecordBatch[] }>()
  for (const batch of batches) {
    const address = options.cluster.leaderOf(batch.topic, batch.partition)
    if (address === undefined) {
      const text = `partition ${batch.partition} of topic ${batch.topic} has no leader`
      found.set(batch, { error: new KafkaError('stale', text), mayBeStored: false })
      continue
    }
    const key = `${address.host}:${address.port}`
    const group = byLeader.get(key) ?? { address, batches: [] }
    group.batches.push(batch)
    byLeader.set(key, group)
  }
  await Promise.all(
    [...byLeader.values()].map(async (group) => {
      const answers = await produceTo(group.address, group.batches, options, signal)
      for (const [batch, answer] of answers) found.set(batch, answer)
    }),
  )
  return found
}

async function produceTo(
  address: BrokerAddress,
  batches: readonly RecordBatch[],
  options: ProduceOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<RecordBatch, PartitionAnswer | NoAnswer>> {
  const { connections } = options
  const doing = `writing to ${address.host}:${address.port}`
  let isSent = false
  try {
    const broker = await connections.to(address, signal)
    const { library } = options
    const codec = broker.newest('Produce', [
      library.produceV11,
      library.produceV10,
      library.produceV9,
    ])
    isSent = true
    const answers = await connections.request(broker, signal, (at) =>
      send(at, codec.api.version, batches, options),
    )
    return matched(batches, answers, doing)
  } catch (thrown) {
    const cause = signal.aborted ? signal.reason : thrown
    const error = connections.asError(cause, doing)
    return new Map(batches.map((batch) => [batch, { error, mayBeStored: isSent }]))
  }
}

function send(
  { connection }: Broker,
  version: number,
  batches: readonly RecordBatch[],
  { library, transactionalId, timeoutMs }: ProduceOptions,
): Promise<Answers> {
  const api = library.createAPI<[], Answers>(
    0,
    version,
    () => write(library.Writer.create(), batches, transactionalId, timeoutMs),
    (_id, _key, _version, reader) => read(reader),
  )
  return api.async(connection)
}

function write(
  writer: Writer,
  batches: readonly RecordBatch[],
  transactionalId: string | null,
  timeoutMs: number,
): Writer {
  writer
    .appendString(transactionalId)
    .appendInt16(ALL_IN_SYNC_REPLICAS)
    .appendInt32(Math.floor(timeoutMs * BROKER_SHARE))
  return writer
    .appendArray([...byTopic(batches)], (to, [topic, partitions]) => {
      to.appendString(topic).appendArray(partitions, (at, { partition, bytes }) => {
        at.appendInt32(partition)
          .appendUnsignedVarInt(bytes.length + 1)
          .append(bytes)
      })
    })
    .appendTaggedFields()
}

function byTopic(batches: readonly RecordBatch[]): ReadonlyMap<string, RecordBatch[]> {
  const topics = new Map<string, RecordBatch[]>()
  for (const batch of batches) {
    const others = topics.get(batch.topic)
    if (others === undefined) topics.set(batch.topic, [batch])
    else others.push(batch)
  }
  return topics
}

function read(reader: Reader): Answers {
  const topics = reader.readArray((from) => ({
    name: from.readString(),
    partitions: from.readArray((at) => {
      const partition = at.readInt32()
      const code = at.readInt16()
      // The first offset, the time it was written, and the first offset of the log.
      at.skip(24)
      const recordErrors = at.readArray((one) => ({
        index: one.readInt32(),
        message: one.readNullableString(),
      }))
      return { partition, code, recordErrors, message: at.readNullableString() }
    }),
  }))
  return { topics }
}

function matched(batches: readonly RecordBatch[], { topics }: Answers, doing: string) {
  const byPlace = new Map<string, PartitionAnswer>()
  for (const { name, partitions } of topics) {
    for (const answer of partitions) byPlace.set(`${name}/${answer.partition}`, answer)
  }
  return new Map<RecordBatch, PartitionAnswer | NoAnswer>(
    batches.map((batch) => {
      const answer = byPlace.get(`${batch.topic}/${batch.partition}`)
      if (answer !== undefined) return [batch, answer]
      const text = `${doing}: no answer about partition ${batch.partition} of ${batch.topic}`
      return [batch, { error: new KafkaError('retry', text), mayBeStored: true }]
    }),
  )
}
