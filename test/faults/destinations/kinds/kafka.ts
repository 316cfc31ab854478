/** Rounds with Kafka, with and without transactions. */
import { POSITIONS_TOPIC } from '../../../support/destinations/kafka-site.ts'
import { skipWithoutKafka, startKafka } from '../../../support/servers/kafka.ts'
import { createTopic, type ReadRecord, readTopic } from '../../../support/servers/kafka-topics.ts'
import type { RoundKind } from '../peer.ts'

const TOPIC = 'rounds'
const PARTITIONS = 3
/** Records have the time at which the broker stored them. */
const BY_BROKER = { 'message.timestamp.type': 'LogAppendTime' }

function kafkaRounds(name: string, transactions: boolean): RoundKind {
  return {
    name,
    skip: skipWithoutKafka,
    isExactlyOnce: transactions,
    async start(t, { proxyPort }) {
      const kafka = await startKafka(t, { advertisedPort: proxyPort })
      const { broker, port } = kafka
      await createTopic(broker, TOPIC, { partitions: PARTITIONS, configs: BY_BROKER })
      await createTopic(broker, POSITIONS_TOPIC, { configs: { 'cleanup.policy': 'compact' } })
      return {
        port,
        entry: (through) => ({
          kafka: {
            brokers: [`127.0.0.1:${through}`],
            topic: TOPIC,
            transactions,
            // Without transactions, only what is counted as a fault may fail.
            timeout: transactions ? '1s' : '10s',
          },
          batch: { messages: 100, interval: '0ms' },
        }),
        async rows() {
          const records = await readTopic(broker, TOPIC, PARTITIONS)
          return records.map((record) => ({ ...identityIn(record), payload: record.value }))
        },
        async arrivals() {
          const records = await readTopic(broker, TOPIC, PARTITIONS)
          return records.map((record) => ({ ...identityIn(record), at: record.at }))
        },
      }
    },
  }
}

export const KAFKA_ROUNDS: readonly RoundKind[] = [
  kafkaRounds('kafka', false),
  kafkaRounds('kafkaTransactions', true),
]

function identityIn({ headers }: ReadRecord): { logId: string; offset: number } {
  return { logId: headers['log_id'] ?? '', offset: Number(headers['offset']) }
}
