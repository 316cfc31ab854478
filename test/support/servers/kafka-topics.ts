/** Topics of a Kafka broker: creates them, and reads what arrived, with the client library. */
import { setTimeout as delay } from 'node:timers/promises'
import { Admin, Connection, fetchV12, listOffsetsV8 } from '@platformatic/kafka'
import { AbortedTransactions } from '../../../src/destinations/kafka/positions.ts'

export interface TopicOptions {
  readonly partitions?: number
  readonly replicas?: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface ReadRecord {
  readonly partition: number
  readonly offset: number
  readonly key: string | undefined
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
  /** The newest time in its record batch, in ms since 1970. */
  readonly at: number
}

const ATTEMPTS = 20
const RETRY_MS = 50
const FETCH_BYTES = 16 * 1_024 * 1_024

async function withAdmin<Result>(
  broker: string,
  call: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: broker.split(','), retries: 10 })
  try {
    return await call(admin)
  } finally {
    await admin.close()
  }
}

export async function createTopic(
  broker: string,
  name: string,
  { partitions = 1, replicas = 1, configs = {} }: TopicOptions = {},
): Promise<void> {
  const settings = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  await withAdmin(broker, (admin) =>
    admin.createTopics({ topics: [name], partitions, replicas, configs: settings }),
  )
  // The broker learns of it a moment later than the controller.
  await readTopic(broker, name, partitions)
}

export async function deleteTopic(broker: string, name: string): Promise<void> {
  await withAdmin(broker, (admin) => admin.deleteTopics({ topics: [name] }))
}

/**
 * All records of a topic, by partition and offset, without those of aborted transactions. Waits for
 * transactions that are under way.
 * @param broker one broker, or all of a cluster with commas between them
 */
export async function readTopic(
  broker: string,
  topic: string,
  partitions = 1,
): Promise<ReadRecord[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readOnce(broker, topic, partitions)
    } catch (error) {
      // A new topic has no leader for a moment.
      if (attempt === ATTEMPTS) throw error
      await delay(RETRY_MS)
    }
  }
}

async function readOnce(broker: string, topic: string, partitions: number) {
  const connections: Connection[] = []
  try {
    for (const address of broker.split(',')) {
      const [host = '', port = ''] = address.split(':')
      const connection = new Connection('test')
      connections.push(connection)
      await connection.connect(host, Number(port))
    }
    const found: ReadRecord[][] = []
    for (let partition = 0; partition < partitions; partition++) {
      found.push(await readFromLeader(connections, topic, partition))
    }
    return found.flat()
  } finally {
    for (const connection of connections) await connection.close()
  }
}

/** The first broker that does not refuse is the leader. */
async function readFromLeader(
  connections: readonly Connection[],
  topic: string,
  partition: number,
): Promise<ReadRecord[]> {
  for (const [index, connection] of connections.entries()) {
    try {
      return await readPartition(connection, topic, partition)
    } catch (error) {
      if (index === connections.length - 1) throw error
    }
  }
  return []
}

async function readPartition(connection: Connection, topic: string, partition: number) {
  const asked = { partitionIndex: partition, currentLeaderEpoch: -1, timestamp: -1n }
  const offsets = await listOffsetsV8.api.async(connection, -1, 0, [
    { name: topic, partitions: [asked] },
  ])
  const end = offsets.topics[0]?.partitions[0]?.offset ?? 0n
  const found: ReadRecord[] = []
  for (let next = 0n; next < end; ) {
    const fetched = { partition, currentLeaderEpoch: -1, fetchOffset: next, lastFetchedEpoch: -1 }
    const topics = [
      { topicId: topic, partitions: [{ ...fetched, partitionMaxBytes: FETCH_BYTES }] },
    ]
    const { responses } = await fetchV12.api.async(
      connection,
      500,
      1,
      FETCH_BYTES,
      1,
      0,
      -1,
      topics,
      [],
      '',
    )
    const answer = responses[0]?.partitions[0]
    const aborted = new AbortedTransactions(answer?.abortedTransactions ?? [])
    for (const batch of answer?.records ?? []) {
      next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
      if (!aborted.isCommitted(batch)) continue
      for (const record of batch.records) {
        found.push({
          partition,
          offset: Number(batch.firstOffset) + record.offsetDelta,
          key: record.key === null ? undefined : String(record.key),
          value: Buffer.from(record.value ?? Buffer.alloc(0)),
          headers: Object.fromEntries(
            record.headers.map(([name, value]) => [String(name), String(value)]),
          ),
          at: Number(batch.maxTimestamp),
        })
      }
    }
  }
  return found
}
