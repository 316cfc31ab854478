/** A Kafka broker behind a proxy that fails when a test asks. One for all tests of a file. */
import { type Kafka, type KafkaOptions, startKafka } from '../servers/kafka.ts'
import { createTopic } from '../servers/kafka-topics.ts'
import { type Cleanup, freePort } from '../servers/server-process.ts'
import { FaultProxy } from './fault-proxy.ts'

export interface KafkaSite {
  readonly kafka: Kafka
  readonly proxy: FaultProxy
  /** The broker behind the proxy, for the destination. */
  readonly broker: string
  newTopic(partitions?: number, configs?: Readonly<Record<string, string>>): Promise<string>
}

export const POSITIONS_TOPIC = 'iot-connector-positions'

export async function startKafkaSite(t: Cleanup, options: KafkaOptions = {}): Promise<KafkaSite> {
  const advertisedPort = await freePort()
  const kafka = await startKafka(t, { ...options, advertisedPort })
  const proxy = await FaultProxy.start(t, { port: advertisedPort, target: kafka.port })
  await createTopic(kafka.broker, POSITIONS_TOPIC, { configs: { 'cleanup.policy': 'compact' } })
  let topics = 0
  return {
    kafka,
    proxy,
    broker: `127.0.0.1:${advertisedPort}`,
    async newTopic(partitions = 1, configs = {}) {
      const topic = `topic-${topics++}`
      await createTopic(kafka.broker, topic, { partitions, configs })
      return topic
    },
  }
}

/** For `before` and `after` of a whole file, in place of a test's context. */
export class Releases implements Cleanup {
  readonly #releases: (() => unknown)[] = []

  after(release: () => unknown): void {
    this.#releases.unshift(release)
  }

  async run(): Promise<void> {
    for (const release of this.#releases.splice(0)) await release()
  }
}
