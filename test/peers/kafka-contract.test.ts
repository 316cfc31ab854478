/** The contract of destinations, with a real Kafka broker. */
import { after, before, describe } from 'node:test'
import type { Destination } from '../../src/destinations/destination.ts'
import type { KafkaDestination } from '../../src/destinations/kafka/destination.ts'
import { destinationContract } from '../contract/destination.contract.ts'
import { type KafkaSite, Releases, startKafkaSite } from '../support/destinations/kafka-site.ts'
import { kafkaDestination } from '../support/destinations/kafka-under-test.ts'
import { skipWithoutKafka } from '../support/servers/kafka.ts'
import { createTopic, deleteTopic, readTopic } from '../support/servers/kafka-topics.ts'

/** The option has no lower values. */
const LEAST_TIMEOUT_MS = 1_000
const LIMITS = { 'max.message.bytes': '20000' }

describe('Kafka', { skip: skipWithoutKafka }, () => {
  const releases = new Releases()
  let site: KafkaSite
  let count = 0

  before(async () => {
    site = await startKafkaSite(releases)
  })
  after(() => releases.run())

  for (const transactions of [false, true]) {
    destinationContract(
      transactions ? 'kafka with transactions' : 'kafka',
      async (_t, timeoutMs) => {
        const { proxy, broker, kafka } = site
        proxy.set('pass')
        const topic = await site.newTopic(1, LIMITS)
        const connectorId = `connector-${count++}`
        const options = { topic, transactions, timeout: Math.max(timeoutMs, LEAST_TIMEOUT_MS) }
        const destination = kafkaDestination({ broker, options, connectorId })
        let isMissing = false
        return {
          destination: withLogs(destination),
          maxSendMs: 3 * options.timeout + 1_500,
          recognisesResends: true,
          tooLargeBytes: 30_000,
          peer: {
            async received(channel) {
              const records = await readTopic(kafka.broker, topic)
              return records
                .filter(({ headers }) => headers['channel'] === channel)
                .map(({ headers, value }) => ({
                  messageId: headers['message_id'] ?? '',
                  payload: value,
                }))
            },
            hang: () => proxy.set('hang'),
            fail: () => proxy.set('cut'),
            loseAnswers: () => proxy.set('lose-answers'),
            slow: (delayMs) => proxy.slow(delayMs),
            async miss() {
              await deleteTopic(kafka.broker, topic)
              isMissing = true
            },
            async recover() {
              proxy.set('pass')
              if (isMissing) await createTopic(kafka.broker, topic, { configs: LIMITS })
              isMissing = false
            },
            reached: () => proxy.reached(),
          },
        }
      },
    )
  }
})

/** The batches of all channels have one log id. Here each channel has a log of its own. */
function withLogs(destination: KafkaDestination): Destination {
  const { name, description, batchRule, position } = destination
  return {
    name,
    description,
    batchRule,
    open: () => destination.open(),
    send: (batch, signal) =>
      destination.send({ ...batch, logId: `${batch.logId}-${batch.channel}` }, signal),
    ...(position !== undefined && {
      position: (channel: string, logId: string, signal: AbortSignal) =>
        position(channel, `${logId}-${channel}`, signal),
    }),
    check: (signal) => destination.check(signal),
    close: () => destination.close(),
  }
}
