/** The Kafka destination with settings for tests. */
import { systemClock } from '../../../src/clock.ts'
import { KafkaDestination } from '../../../src/destinations/kafka/destination.ts'
import { type KafkaOptions, kafkaOptions } from '../../../src/destinations/kafka/options.ts'

export interface KafkaSettings {
  readonly broker: string
  readonly options?: Partial<Record<keyof KafkaOptions, unknown>>
  readonly connectorId?: string
  readonly name?: string
}

export function kafkaDestination({
  broker,
  options = {},
  connectorId = 'connector-1',
  name = 'kafka',
}: KafkaSettings): KafkaDestination {
  const isRouted = 'topics' in options || 'topicPrefix' in options
  const given = { brokers: [broker], timeout: '5s', ...(isRouted ? {} : { topic: 'telemetry' }) }
  return new KafkaDestination({
    name,
    place: 'destinations[0].kafka',
    options: kafkaOptions.parse({ ...given, ...options }),
    connectorId,
    batch: {},
    clock: systemClock,
  })
}

/** The same, opened, and closed after the test. */
export async function openedKafka(
  t: { after(release: () => unknown): void },
  settings: KafkaSettings,
): Promise<KafkaDestination> {
  const destination = kafkaDestination(settings)
  await destination.open()
  t.after(() => destination.close())
  return destination
}
