/** A source connected to a real broker, and devices on the same broker. */
import type { TestContext } from 'node:test'
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { type Clock, systemClock } from '../../../src/clock.ts'
import type { ConnectorError } from '../../../src/errors.ts'
import type { Refusal } from '../../../src/message.ts'
import { type PipelineObserver, silentObserver } from '../../../src/observer.ts'
import { MqttClientSource } from '../../../src/sources/mqtt-client/mqtt-client-source.ts'
import { mqttClientOptions } from '../../../src/sources/mqtt-client/options.ts'
import { STATUS_TOPIC } from './mqtt-server-under-test.ts'
import { RecordingIntake } from './recording-intake.ts'

export interface Report {
  readonly what: 'retried' | 'recovered' | 'receiptsDropped' | 'withheld'
  readonly error?: ConnectorError
  readonly count?: number
}

/** Keeps the reports of a source. */
export class Reports {
  readonly list: Report[] = []
  readonly #waiting: (() => void)[] = []
  readonly observer: PipelineObserver = {
    ...silentObserver,
    sourceRetried: (_source, error) => this.#add({ what: 'retried', error }),
    messageWithheld: () => this.#add({ what: 'withheld' }),
    sourceRecovered: () => this.#add({ what: 'recovered' }),
    receiptsDropped: (_source, count) => this.#add({ what: 'receiptsDropped', count }),
  }

  /** Resolves with the first report of a kind. */
  async first(what: Report['what']): Promise<Report> {
    for (;;) {
      const report = this.list.find((candidate) => candidate.what === what)
      if (report !== undefined) return report
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  #add(report: Report): void {
    this.list.push(report)
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** Runs timers five times as fast, so that reconnecting takes less time. */
const instantClock: Clock = {
  ...systemClock,
  after: (delayMs, call) => systemClock.after(delayMs / 5, call),
}

const INVALID: Refusal = { error: 'InvalidMessage', message: 'expected JSON' }

/** Takes everything but receipts, and refuses the payload `refuse me`. */
export function clientIntake(commitsAtOnce = true): RecordingIntake {
  return new RecordingIntake({
    commitsAtOnce,
    routes: (topic) => topic !== STATUS_TOPIC,
    refuse: (_topic, payload) => (payload.toString() === 'refuse me' ? INVALID : undefined),
  })
}

export interface SourceUnderTest {
  readonly source: MqttClientSource
  readonly intake: RecordingIntake
  readonly reports: Reports
}

export async function startSource(
  t: TestContext,
  settings: Readonly<Record<string, unknown>>,
  filters: readonly string[] = ['in/#'],
  intake = clientIntake(),
): Promise<SourceUnderTest> {
  const reports = new Reports()
  const { keepAlive, ...checked } = settings
  const options = mqttClientOptions.parse(checked)
  const source = new MqttClientSource({
    // Shorter than the configuration allows, so that tests do not wait.
    options: typeof keepAlive === 'number' ? { ...options, keepAlive } : options,
    filters,
    observer: reports.observer,
    clock: instantClock,
    random: () => 0,
  })
  t.after(() => source.close())
  await source.start(intake)
  return { source, intake, reports }
}

/** Resolves when every filter is subscribed. */
export async function ready({ source }: SourceUnderTest): Promise<void> {
  while (!source.connectionState.isReady) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export async function device(
  t: TestContext,
  url: string,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, ...options })
  t.after(() => client.endAsync(true))
  return client
}

/** The next message that a device receives. */
export async function nextMessage(client: MqttClient): Promise<IPublishPacket> {
  return new Promise((resolve) =>
    client.once('message', (_topic, _payload, packet) => resolve(packet)),
  )
}
