/**
 * Rounds of a program that is killed under load while the way to its destination fails: at the end
 * the destination is drained and read back.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ConfigInput } from '../../../src/index.ts'
import { FaultProxy } from '../../support/destinations/fault-proxy.ts'
import { seededRandom } from '../../support/disk/simulated-disk.ts'
import type { Cleanup } from '../../support/servers/server-process.ts'
import { until } from '../../support/until.ts'
import type { LedgerRow } from '../connector-watch.ts'
import type { Addresses } from '../hosted-connector.ts'
import { ProgramProcess } from '../program-process.ts'
import { untilMoment } from './moments.ts'
import type { RoundKind, RoundPeer } from './peer.ts'
import { Publishing } from './publishing.ts'
import { Storm } from './storm.ts'
import { judge, type Verdict } from './verdict.ts'
import { hasPosition, type Kill, notedKill, windowViolations } from './window.ts'

const CHANNELS = ['alpha', 'beta', 'gamma']
/** Of the rounds, if the peer can crash. The program itself starts at the same time. */
const SHARE_WITH_PEER_CRASH = 0.25
const LATEST_PEER_CRASH_MS = 1_000
const DEADLINE_MS = 10_000
const DRAIN_PATIENCE_MS = 120_000

export interface RoundsOptions {
  readonly kind: RoundKind
  readonly rounds: number
  readonly seed: number
  /** The script of the program. */
  readonly main?: string
  readonly progress?: (done: number) => void
}

export interface RoundsFigures extends Verdict {
  readonly kind: string
  readonly seed: number
  readonly kills: number
  /** Of those that were looked at, after how many something was settled on disk. */
  readonly killsWithPosition: number
  readonly acknowledged: number
  readonly faults: Readonly<Record<string, number>>
  readonly seconds: number
  /** What must not be. Empty if all is well. */
  readonly violations: readonly string[]
}

/** The data directory stays if anything is found. */
export async function runRounds(t: Cleanup, options: RoundsOptions): Promise<RoundsFigures> {
  const begun = performance.now()
  const { kind, seed } = options
  const random = seededRandom(seed)
  const proxy = await FaultProxy.start(t)
  const peer = await kind.start(t, { proxyPort: proxy.port, main: options.main })
  proxy.target = peer.port
  const directory = await mkdtemp(join(tmpdir(), `rounds-${kind.name}-`))
  const storm = new Storm(proxy, seededRandom(seed + 1))
  t.after(() => storm.end())
  const rig = new RoundsRig(options, { peer, directory, proxy, storm, random })
  t.after(() => rig.end())

  for (let round = 0; round < options.rounds; round++) {
    await rig.round()
    options.progress?.(round + 1)
  }
  await storm.end()
  await rig.drain()
  const verdict = judge(rig.publishing.acknowledged, await peer.rows(CHANNELS))
  await rig.end()
  const arrivals = (await peer.arrivals?.(CHANNELS)) ?? []
  const violations = [
    ...violationsOf(verdict, kind),
    ...windowViolations(arrivals, rig.kills, storm.spans),
    ...(peer.violations?.() ?? []),
  ].map((what) => `${what} (in ${directory})`)
  if (violations.length === 0) await rig.remove()
  return {
    kind: kind.name,
    seed,
    kills: options.rounds,
    killsWithPosition: rig.kills.filter(hasPosition).length,
    acknowledged: rig.publishing.count,
    ...verdict,
    faults: storm.counts,
    seconds: Number(((performance.now() - begun) / 1_000).toFixed(1)),
    violations,
  }
}

interface RigSite {
  readonly peer: RoundPeer
  readonly directory: string
  readonly proxy: FaultProxy
  readonly storm: Storm
  readonly random: () => number
}

class RoundsRig {
  readonly publishing = new Publishing(CHANNELS)
  readonly kills: Kill[] = []
  readonly #options: RoundsOptions
  readonly #site: RigSite
  #program: ProgramProcess | undefined
  #peerCrash = Promise.resolve()

  constructor(options: RoundsOptions, site: RigSite) {
    this.#options = options
    this.#site = site
  }

  async round(): Promise<void> {
    const { peer, random } = this.#site
    if (peer.crash !== undefined && random() < SHARE_WITH_PEER_CRASH) {
      await this.#peerCrash
      this.#peerCrash = delay(random() * LATEST_PEER_CRASH_MS).then(() => peer.crash?.())
    }
    const program = this.#launch()
    await untilMoment({ ...this.#site, publishing: this.publishing }, program)
    await this.#kill(program)
  }

  /** Starts it a last time; resolves when no message waits. */
  async drain(): Promise<void> {
    await this.#peerCrash
    const { http } = await this.#listening(this.#launch())
    const isDrained = async () => {
      const response = await fetch(`${http}/ledger`)
      const { channels } = (await response.json()) as { channels: LedgerRow[] }
      return channels.every(({ waiting, inFlight }) => waiting + inFlight === 0)
    }
    await until('every message is delivered', isDrained, DRAIN_PATIENCE_MS)
  }

  async end(): Promise<void> {
    if (this.#program?.isAlive) await this.#program.kill()
  }

  async remove(): Promise<void> {
    const { directory } = this.#site
    await rm(directory, { recursive: true, force: true })
    await rm(`${directory}.yaml`, { force: true })
  }

  async #kill(program: ProgramProcess): Promise<void> {
    const { peer, directory } = this.#site
    if (peer.arrivals === undefined) await program.kill()
    else this.kills.push(await notedKill(() => program.kill(), directory))
  }

  #launch(): ProgramProcess {
    const { main } = this.#options
    const options = { deadlineMs: DEADLINE_MS, syncMs: 0, ...(main === undefined ? {} : { main }) }
    const { peer, proxy, directory } = this.#site
    const config = configOf(directory, peer.entry(proxy.port))
    this.#program = new ProgramProcess(options, config, `${directory}.yaml`)
    return this.#program
  }

  async #listening(program: ProgramProcess): Promise<Addresses> {
    const addresses = await program.started
    if (addresses === undefined) {
      throw new Error(`seed ${this.#options.seed}: it did not start: ${program.stderr}`)
    }
    return addresses
  }
}

function configOf(
  directory: string,
  entry: NonNullable<ConfigInput['destinations']>[number],
): ConfigInput {
  return {
    parameters: {
      PublishInterval: '0',
      IotAnalyticsBatchSizePerChannel: '100',
      IotAnalyticsQueueSizePerChannel: '10000000',
      StatusReports: 'none',
    },
    sources: { mqttServer: { port: 0 } },
    storage: { directory, maxBytes: '1GB', historyBytes: 0 },
    destinations: [entry],
    http: { port: 0 },
    log: { level: 'silent' },
  }
}

function violationsOf(verdict: Verdict, { isExactlyOnce }: RoundKind): string[] {
  const { lost, missing, altered, repeated, duplicates } = verdict
  const found: string[] = []
  if (lost > 0) found.push(`${lost} acknowledged messages are not there`)
  if (missing > 0) found.push(`${missing} offsets are not there`)
  if (altered > 0) found.push(`${altered} payloads were never sent`)
  if (repeated > 0) found.push(`${repeated} messages were stored twice`)
  if (isExactlyOnce && duplicates > 0) found.push(`${duplicates} rows are duplicates`)
  return found
}
