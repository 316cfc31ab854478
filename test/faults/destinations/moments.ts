/** When a program is killed. The moments that matter come more often than chance would have them. */
import { setTimeout as delay } from 'node:timers/promises'
import type { FaultProxy } from '../../support/destinations/fault-proxy.ts'
import type { ProgramProcess } from '../program-process.ts'
import type { Publishing } from './publishing.ts'
import type { Storm } from './storm.ts'

/**
 * `start`: before it listens. `first-send`: when its first bytes reach the peer. `reconnect`: the
 * same, after its connections were cut. `stop`: after SIGTERM. `load`: any time.
 */
type Moment = 'start' | 'first-send' | 'reconnect' | 'stop' | 'load'

const SHARES: readonly (readonly [Moment, number])[] = [
  ['start', 0.15],
  ['first-send', 0.1],
  ['reconnect', 0.15],
  ['stop', 0.2],
]
const LONGEST_START_MS = 400
const LEAST_LOAD_MS = 20
const MOST_LOAD_MS = 350
/** Cursors are stored every second: some lives last until then. */
const SHARE_LONG = 0.15
const LONG_LOAD_MS = 1_500
const LONGEST_STOP_MS = 150
const LONGEST_SEND_MS = 30
/** For sends that don't come, because the peer is away. */
const SEND_PATIENCE_MS = 500
/** For acknowledgements, on a busy machine. */
const LOAD_PATIENCE_MS = 5_000

export interface MomentSite {
  readonly random: () => number
  readonly proxy: FaultProxy
  readonly storm: Storm
  readonly publishing: Publishing
}

/** Resolves when the program, which has just been launched, is to be killed. */
export async function untilMoment(site: MomentSite, program: ProgramProcess): Promise<void> {
  const { random, proxy } = site
  const moment = momentOf(random())
  const isLong = random() < SHARE_LONG
  if (moment === 'start') return await delay(random() * LONGEST_START_MS)
  const sent = proxy.reached()
  const addresses = await program.started
  if (addresses === undefined) throw new Error(`it did not start: ${program.stderr}`)
  // It ends with the program.
  void site.publishing.until(addresses.mqtt, program.ended)
  if (moment !== 'first-send') {
    await within(LOAD_PATIENCE_MS, site.publishing.nextAcknowledgement())
    const mostMs = isLong ? LONG_LOAD_MS : MOST_LOAD_MS
    await delay(LEAST_LOAD_MS + random() * (mostMs - LEAST_LOAD_MS))
  }
  if (moment === 'stop') {
    program.signal('SIGTERM')
    await delay(random() * LONGEST_STOP_MS)
  } else if (moment !== 'load') {
    if (moment === 'reconnect') site.storm.cut()
    await within(SEND_PATIENCE_MS, moment === 'reconnect' ? proxy.reached() : sent)
    await delay(random() ** 2 * LONGEST_SEND_MS)
  }
}

function momentOf(chance: number): Moment {
  let left = chance
  for (const [moment, share] of SHARES) {
    if (left < share) return moment
    left -= share
  }
  return 'load'
}

async function within(patienceMs: number, event: Promise<void>): Promise<void> {
  await Promise.race([event, delay(patienceMs, undefined, { ref: false })])
}
