/**
 * What every campaign works with: a data directory, an endpoint, publishers, an oracle, and the
 * product's lives one after the other.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ConfigInput } from '../../src/index.ts'
import { seededRandom } from '../support/disk/simulated-disk.ts'
import { ConnectorWatch, type LedgerRow } from './connector-watch.ts'
import { Endpoint } from './endpoint.ts'
import { countFault, type Figures, newFigures } from './figures.ts'
import { HostedConnector } from './hosted-connector.ts'
import { BULKY_PREFIX } from './numbered-message.ts'
import { ANSWER_TIMEOUT_MS, Oracle } from './oracle.ts'
import { Publisher, type PublisherPlan, sendersOf } from './publisher.ts'

const ACKNOWLEDGEMENT_PATIENCE_MS = 10_000
const STOP_PATIENCE_MS = 30_000
const QUIET_PATIENCE_MS = 5_000
const DRAIN_PATIENCE_MS = 60_000

/** Slots of 128 KiB: each of them is used many times in a campaign. */
const MAX_BYTES = 16 * 1024 * 1024

/** The one channel whose endpoint puts parts of batches off. */
const UNORDERED = new Set(['delta'])

type Plan = Omit<PublisherPlan, 'pauseMs'>

const PLANS: readonly Plan[] = [
  { name: 'p0', channel: 'alpha', qos: 1, protocolVersion: 4, isBinary: false },
  { name: 'p1', channel: 'alpha', qos: 2, protocolVersion: 5, isBinary: false },
  { name: 'p2', channel: 'beta', qos: 1, protocolVersion: 5, isBinary: true },
  { name: 'p3', channel: 'gamma', qos: 2, protocolVersion: 4, isBinary: false },
  { name: 'p4', channel: 'delta', qos: 1, protocolVersion: 5, isBinary: false },
]

export interface RigOptions {
  readonly seed: number
  /** How long the campaign may put faults in the way; what it takes to drain comes on top. */
  readonly lengthMs: number
  /** Of each publisher's lanes after an acknowledgement. */
  readonly pauseMs?: number
  /** Each publisher sends to so many channels rather than to one. */
  readonly voices?: number
  /** The channel that little is sent to: this much slower than to the others. */
  readonly slow?: { readonly channel: string; readonly pauseMs: number }
  /** Few large messages rather than many small ones. */
  readonly isBulky?: boolean
  readonly storage?: ConfigInput['storage']
  readonly parameters?: ConfigInput['parameters']
  /** Instead of a temporary directory. */
  readonly directory?: string
  /** Where the disk's journal is written, outside of the directory. */
  readonly journal?: string
  readonly position?: () => number
}

export interface Drained {
  readonly rows: readonly LedgerRow[]
}

export class Rig {
  readonly random: () => number
  readonly figures: Figures = newFigures()
  readonly directory: string
  readonly oracle: Oracle
  readonly endpoint: Endpoint
  readonly publishers: readonly Publisher[]
  readonly endsAt: number
  readonly #options: RigOptions
  #connector: HostedConnector | undefined
  #watch: ConnectorWatch | undefined
  #sending: Promise<unknown> = Promise.resolve()

  private constructor(options: RigOptions, directory: string, past?: Rig) {
    this.#options = options
    this.random = seededRandom(options.seed)
    this.directory = directory
    this.endsAt = performance.now() + options.lengthMs
    const { position = () => 0 } = options
    this.oracle =
      past?.oracle.at(position()) ??
      new Oracle({
        channels: new Map(plansOf(options).flatMap(sendersOf)),
        unordered: UNORDERED,
        position,
      })
    this.endpoint = new Endpoint(this.oracle, this.random, UNORDERED)
    this.publishers = plansOf(options).map((plan, index) => {
      return new Publisher(plan, this.oracle, past?.publishers[index]?.next)
    })
  }

  /** `past` had the directory before: what it knew at the options' position goes on to be true. */
  static async open(options: RigOptions, past?: Rig): Promise<Rig> {
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'faults-')))
    const rig = new Rig(options, directory, past)
    await rig.endpoint.start()
    return rig
  }

  get connector(): HostedConnector {
    if (this.#connector === undefined) throw new Error('no connector was started')
    return this.#connector
  }

  get watch(): ConnectorWatch {
    if (this.#watch === undefined) throw new Error('no connector is up')
    return this.#watch
  }

  get hasTime(): boolean {
    return performance.now() < this.endsAt
  }

  between(least: number, most: number): number {
    return least + this.random() * (most - least)
  }

  count(fault: string): void {
    countFault(this.figures, fault)
  }

  /** A process on the directory, however far it has got. */
  launch(): HostedConnector {
    this.figures.starts += 1
    const { journal } = this.#options
    const config = this.#config()
    this.#connector = new HostedConnector(journal === undefined ? { config } : { config, journal })
    return this.#connector
  }

  /** A process that listens; watched, but without publishers. */
  async start(): Promise<void> {
    const launchedAt = performance.now()
    const connector = this.launch()
    const addresses = await connector.started
    if (addresses === undefined) {
      throw new Error(`the connector did not start: ${connector.refusal ?? ''} ${connector.stderr}`)
    }
    this.noteRecovery(performance.now() - launchedAt)
    this.#watch = await ConnectorWatch.start(addresses, this.oracle)
  }

  publish(): void {
    const { mqtt } = this.watch.addresses
    this.#sending = Promise.all(this.publishers.map((publisher) => publisher.send(mqtt)))
  }

  /** Resolves when the running connector has acknowledged something, or has had long enough to. */
  async firstAcknowledgement(): Promise<void> {
    const first = this.publishers.map((publisher) => publisher.nextAcknowledgement())
    await Promise.race([...first, delay(ACKNOWLEDGEMENT_PATIENCE_MS, undefined, { ref: false })])
  }

  /** Publishers send no more, and what was under way has been answered. */
  async quiet(): Promise<void> {
    for (const publisher of this.publishers) publisher.stop()
    await this.#sending
  }

  /** SIGKILL, at whatever it is doing. */
  async kill(): Promise<void> {
    await this.connector.kill()
    await this.#lifeEnded()
  }

  /** SIGTERM, and the time it takes. */
  async stop(): Promise<void> {
    const { connector } = this
    connector.signal('SIGTERM')
    const patience = delay(STOP_PATIENCE_MS, 'too long', { ref: false })
    if ((await Promise.race([connector.ended, patience])) === 'too long') {
      this.oracle.violated('the connector did not stop')
      await connector.kill()
    }
    await this.#lifeEnded()
  }

  /** What was sent in this life is counted to it, though it is looked at a moment later. */
  async #lifeEnded(): Promise<void> {
    await Promise.race([this.endpoint.quiet(), delay(QUIET_PATIENCE_MS)])
    this.oracle.lifeEnded()
    await this.#watch?.stop()
    this.#watch = undefined
    await this.#sending
  }

  noteRecovery(ms: number): void {
    this.figures.longestRecoveryMs = Math.max(this.figures.longestRecoveryMs, ms)
  }

  /** Starts once more, with a good endpoint, and waits until nothing waits any more. */
  async drain(): Promise<Drained> {
    this.endpoint.state = 'well'
    if (this.#connector?.isAlive === true) await this.stop()
    await this.start()
    const givesUpAt = performance.now() + DRAIN_PATIENCE_MS
    for (;;) {
      const rows = await this.watch.ledger()
      const waiting = rows.reduce((sum, row) => sum + row.waiting + row.inFlight, 0)
      if (waiting === 0) return { rows }
      if (performance.now() > givesUpAt) {
        throw new Error(`${waiting} messages still wait: ${JSON.stringify(rows)}`)
      }
      await delay(50)
    }
  }

  /** After `drain`, where no fault may have destroyed anything. */
  checkNothingLost({ rows }: Drained): void {
    const missing = this.oracle.missing()
    this.figures.lost += missing.length
    if (missing.length > 0) {
      this.oracle.violated(`lost ${missing.length}: ${JSON.stringify(missing.slice(0, 5))}`)
    }
    for (const { channel, delivered } of rows) {
      const arrived = this.oracle.deliveredOn(channel)
      if (delivered !== arrived) {
        this.oracle.violated(`${channel}: the ledger says ${delivered} delivered, not ${arrived}`)
      }
    }
  }

  /** Ends whatever runs. The directory stays when something was found, for a look. */
  async close(): Promise<Figures> {
    if (this.#connector?.isAlive === true) await this.kill()
    await this.endpoint.stop()
    for (const [mood, count] of Object.entries(this.endpoint.moods)) {
      this.figures.faults[mood] = (this.figures.faults[mood] ?? 0) + count
    }
    this.oracle.tally(this.figures)
    if (this.figures.violations.length === 0) {
      await rm(this.directory, { recursive: true, force: true })
    }
    return this.figures
  }

  #config(): ConfigInput {
    const { storage, parameters } = this.#options
    return {
      parameters: {
        PublishInterval: '0',
        IotAnalyticsBatchSizePerChannel: '100',
        StatusReports: 'failures',
        ...parameters,
      },
      sources: { mqttServer: { port: 0 } },
      storage: {
        directory: this.directory,
        maxBytes: MAX_BYTES,
        segmentBytes: 65_536,
        historyBytes: 0,
        ...storage,
      },
      destinations: [
        {
          iotAnalytics: {
            endpoint: this.endpoint.url,
            region: 'us-west-2',
            credentials: { anonymous: true },
            timeout: ANSWER_TIMEOUT_MS,
            maxAttempts: 1,
          },
        },
      ],
      http: { port: 0 },
      log: { level: 'silent' },
    }
  }
}

function plansOf(options: RigOptions): readonly PublisherPlan[] {
  const { isBulky = false, voices, slow, pauseMs = 2 } = options
  return PLANS.map((plan) => ({
    ...plan,
    name: isBulky ? `${BULKY_PREFIX}_${plan.name}` : plan.name,
    pauseMs: plan.channel === slow?.channel ? slow.pauseMs : pauseMs,
    ...(voices === undefined ? {} : { voices }),
  }))
}
