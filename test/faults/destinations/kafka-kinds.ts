/** Rounds with Kafka, with and without transactions. */
import { POSITIONS_TOPIC } from '../../support/destinations/kafka-site.ts'
import { skipWithoutKafka, startKafka } from '../../support/servers/kafka.ts'
import { createTopic, readTopic } from '../../support/servers/kafka-topics.ts'
import type { RoundKind } from './peer.ts'

const TOPIC = 'rounds'
const PARTITIONS = 3

function kafkaRounds(name: string, transactions: boolean): RoundKind {
  return {
    name,
    skip: skipWithoutKafka,
    isExactlyOnce: transactions,
    async start(t, proxyPort) {
      const kafka = await startKafka(t, { advertisedPort: proxyPort })
      const { broker, port } = kafka
      await createTopic(broker, TOPIC, { partitions: PARTITIONS })
      await createTopic(broker, POSITIONS_TOPIC, { configs: { 'cleanup.policy': 'compact' } })
      return {
        port,
        entry: (through) => ({
          kafka: {
            brokers: [`127.0.0.1:${through}`],
            topic: TOPIC,
            transactions,
            timeout: '1s',
          },
          batch: { messages: 100, interval: '0ms' },
        }),
        async rows() {
          const records = await readTopic(broker, TOPIC, PARTITIONS)
          return records.map(({ headers, value }) => ({
            logId: headers['log_id'] ?? '',
            offset: Number(headers['offset']),
            payload: value,
          }))
        },
      }
    },
  }
}

export const KAFKA_ROUNDS: readonly RoundKind[] = [
  kafkaRounds('kafka', false),
  kafkaRounds('kafkaTransactions', true),
]
