/**
 * What every campaign works with: a data directory, an endpoint, publishers, an oracle, and the
 * connector's processes, one after the other.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ConfigInput } from '../../src/index.ts'
import { seededRandom } from '../support/disk/simulated-disk.ts'
import { ConnectorWatch, type LedgerRow } from './connector-watch.ts'
import { Endpoint } from './endpoint.ts'
import type { DiskOrders } from './faulty-files.ts'
import { countFault, type Figures, newFigures } from './figures.ts'
import { HostedConnector, type RigProcess } from './hosted-connector.ts'
import { BULKY_PREFIX } from './numbered-message.ts'
import { ANSWER_TIMEOUT_MS, Oracle } from './oracle.ts'
import { type ProgramOptions, ProgramProcess } from './program-process.ts'
import { Publisher, type PublisherPlan, sendersOf } from './publisher.ts'

const ACKNOWLEDGEMENT_PATIENCE_MS = 10_000
const STOP_PATIENCE_MS = 30_000
const QUIET_PATIENCE_MS = 5_000
const DRAIN_PATIENCE_MS = 60_000

/** This makes slots of 128 KiB, so that each of them is used many times in a campaign. */
const MAX_BYTES = 16 * 1024 * 1024

/** The one channel whose endpoint accepts batches only in part. */
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
  /** How long the campaign may cause faults; the time to drain comes on top. */
  readonly lengthMs: number
  /** How long each lane of a publisher pauses after an acknowledgement. */
  readonly pauseMs?: number
  /** How many channels each publisher sends to; one by default. */
  readonly senders?: number
  /** The channel that gets few messages, and the pause between them. */
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
  /** How long the connector waits for an answer of the endpoint. */
  readonly answerTimeoutMs?: number
  /** The program itself runs, rather than a host that takes orders. */
  readonly program?: ProgramOptions
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
  #connector: RigProcess | undefined
  #watch: ConnectorWatch | undefined
  #sending: Promise<unknown> = Promise.resolve()

  private constructor(options: RigOptions, directory: string, past?: Rig) {
    this.#options = options
    this.random = seededRandom(options.seed)
    this.directory = directory
    this.endsAt = performance.now() + options.lengthMs
    const { position = () => 0, answerTimeoutMs = ANSWER_TIMEOUT_MS } = options
    this.oracle =
      past?.oracle.at(position()) ??
      new Oracle({
        channels: new Map(plansOf(options).flatMap(sendersOf)),
        unordered: UNORDERED,
        position,
        answerTimeoutMs,
      })
    this.endpoint = new Endpoint(this.oracle, this.random, UNORDERED)
    this.publishers = plansOf(options).map((plan, index) => {
      return new Publisher(plan, this.oracle, past?.publishers[index]?.next)
    })
  }

  /** `past` had the directory before: what it knew at the options' position remains true. */
  static async open(options: RigOptions, past?: Rig): Promise<Rig> {
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'faults-')))
    const rig = new Rig(options, directory, past)
    await rig.endpoint.start()
    return rig
  }

  get connector(): RigProcess {
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

  /** Starts a process on the directory and does not wait for it. */
  launch(disk?: DiskOrders): RigProcess {
    this.figures.starts += 1
    const { journal, program } = this.#options
    if (program !== undefined) {
      const path = `${this.directory}.yaml`
      this.#connector = new ProgramProcess(program, this.#config(), path)
      return this.#connector
    }
    this.#connector = new HostedConnector({
      config: this.#config(),
      ...(journal === undefined ? {} : { journal }),
      ...(disk === undefined ? {} : { disk }),
    })
    return this.#connector
  }

  /** Starts a process, waits until it listens, and watches it; publishers do not send yet. */
  async start(disk?: DiskOrders): Promise<void> {
    const launchedAt = performance.now()
    const connector = this.launch(disk)
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

  /** Resolves when the running connector has acknowledged something, or has had enough time to. */
  async firstAcknowledgement(): Promise<void> {
    const first = this.publishers.map((publisher) => publisher.nextAcknowledgement())
    await Promise.race([...first, delay(ACKNOWLEDGEMENT_PATIENCE_MS, undefined, { ref: false })])
  }

  /** Stops the publishers; resolves when all messages under way have been answered. */
  async quiet(): Promise<void> {
    for (const publisher of this.publishers) publisher.stop()
    await this.#sending
  }

  /** SIGKILL at any moment. */
  async kill(): Promise<void> {
    await this.connector.kill()
    await this.#lifeEnded()
  }

  /** SIGTERM; resolves when the process has ended. */
  async stop(patienceMs = STOP_PATIENCE_MS): Promise<void> {
    const { connector } = this
    connector.signal('SIGTERM')
    const patience = delay(patienceMs, 'too long', { ref: false })
    if ((await Promise.race([connector.ended, patience])) === 'too long') {
      this.oracle.violated(`the connector did not stop within ${patienceMs} ms`)
      await connector.kill()
    }
    await this.#lifeEnded()
  }

  /**
   * Calls sent by this process count as its own, although the endpoint reads them a moment later.
   */
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

  /** Starts again with a working endpoint, and resolves when no message waits any more. */
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

  /** For use after `drain`, where no fault may have destroyed anything. */
  checkNothingLost({ rows }: Drained): void {
    const missing = this.oracle.missing()
    this.figures.lost += missing.length
    if (missing.length > 0) {
      const some = JSON.stringify(missing.slice(0, 5))
      const ledger = JSON.stringify(rows)
      this.oracle.violated(`lost ${missing.length}: ${some}; the ledger: ${ledger}`)
    }
    for (const { channel, delivered } of rows) {
      const arrived = this.oracle.deliveredOn(channel)
      if (delivered !== arrived) {
        this.oracle.violated(`${channel}: the ledger says ${delivered} delivered, not ${arrived}`)
      }
    }
  }

  /** Ends everything that runs. If something was found, the directory stays for inspection. */
  async close(): Promise<Figures> {
    if (this.#connector?.isAlive === true) await this.kill()
    await this.endpoint.stop()
    for (const [mood, count] of Object.entries(this.endpoint.moods)) {
      this.figures.faults[mood] = (this.figures.faults[mood] ?? 0) + count
    }
    this.oracle.tally(this.figures)
    if (this.figures.violations.length === 0) {
      await rm(this.directory, { recursive: true, force: true })
      await rm(`${this.directory}.yaml`, { force: true })
    }
    return this.figures
  }

  #config(): ConfigInput {
    const { storage, parameters, answerTimeoutMs = ANSWER_TIMEOUT_MS } = this.#options
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
            timeout: answerTimeoutMs,
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
  const { isBulky = false, senders, slow, pauseMs = 2 } = options
  return PLANS.map((plan) => ({
    ...plan,
    name: isBulky ? `${BULKY_PREFIX}_${plan.name}` : plan.name,
    pauseMs: plan.channel === slow?.channel ? slow.pauseMs : pauseMs,
    ...(senders === undefined ? {} : { senders }),
  }))
}
