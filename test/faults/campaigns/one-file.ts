/**
 * Files of one channel fail while the rest of the disk works: they can't be opened, written, synced
 * or replaced, or somebody made them immutable. That channel has to be set aside and named, all
 * others have to go on, while the process runs and from its start.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../../src/errors.ts'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { DiskOrders, FailingCall } from '../faulty-files.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'

const CHANNELS = ['alpha', 'beta', 'gamma', 'delta']
const CALLS: readonly (readonly FailingCall[])[] = [
  ['open'],
  ['sync'],
  ['write', 'sync'],
  ['open', 'write', 'sync', 'truncate', 'rename', 'remove'],
]
/** Few large messages fill a slot of 256 KiB at once, and the backlog has room. */
const FAST_SLOTS = { isBulky: true, pauseMs: 10, storage: { maxBytes: 32 * 1024 * 1024 } }
const TURNS_AT_LEAST = 2
/** A slot of the journal has to be full first; then the channel's files are tried twice. */
const NAMED_PATIENCE_MS = 15_000
/** At the start they are tried at once. */
const NAMED_AT_START_PATIENCE_MS = 1_000
/** They are tried again every five seconds. */
const HEALED_PATIENCE_MS = 20_000
const GOES_ON_PATIENCE_MS = 10_000

export const oneFileCampaign: Campaign = {
  name: 'one file',
  sabotage: 'the journal fails with the channel',
  run,
}

export const immutableCampaign: Campaign = {
  name: 'immutable files',
  obstacle: immutableObstacle,
  sabotage: 'no file is made immutable',
  run: runImmutable,
}

async function run(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open({ ...options, ...FAST_SLOTS })
  // Positions of the channel that fails can't be written.
  rig.oracle.mayRepeatAll = true
  const first = Math.floor(rig.between(0, CALLS.length))
  try {
    rig.endpoint.state = 'away'
    await rig.start()
    for (let turn = 0; turn < TURNS_AT_LEAST || rig.hasTime; turn++) {
      const channel = CHANNELS[Math.floor(rig.between(0, CHANNELS.length))] ?? ''
      const failing = CALLS[(first + turn) % CALLS.length] ?? []
      const within = options.isSabotaged === true ? '/' : `/channels/${channel}/`
      await failOnce(rig, channel, { failing, within }, turn % 2 === 0)
      rig.endpoint.state = rig.random() < 0.5 ? 'away' : 'moody'
      if (rig.oracle.hasViolations) return await ended(rig)
    }
    await rig.quiet()
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}

/** A running connector's files fail; then it is killed and started on them, or they are healed. */
async function failOnce(
  rig: Rig,
  channel: string,
  orders: DiskOrders,
  isKilled: boolean,
): Promise<void> {
  const what = `${orders.failing?.join(', ')} of ${channel}`
  rig.publish()
  await rig.firstAcknowledgement()
  rig.connector.order({ disk: orders })
  rig.count('files of one channel fail')
  await isSetAside(rig, channel, what)
  if (rig.oracle.hasViolations) return
  await othersGoOn(rig, channel, what)
  if (!isKilled) {
    rig.connector.order({ disk: {} })
    const healedAt = performance.now()
    await isWell(rig, channel, what)
    rig.noteRecovery(performance.now() - healedAt)
    return
  }
  await rig.kill()
  rig.count('start with failing files of one channel')
  try {
    await rig.start(orders)
  } catch (error) {
    rig.oracle.violated(`${what}: ${messageOf(error)}`)
    return
  }
  await startedWithout(rig, channel, what)
}

/** The next start is on files that work again. */
async function startedWithout(rig: Rig, channel: string, what: string): Promise<void> {
  rig.publish()
  await othersGoOn(rig, channel, `${what}, at the start`)
  await rig.quiet()
  await rig.stop()
  await rig.start()
}

async function runImmutable(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open(options)
  rig.oracle.mayRepeatAll = true
  try {
    for (let turn = 0; turn < 1 || rig.hasTime; turn++) {
      // A stop writes the backlog to segments.
      rig.endpoint.state = 'away'
      await rig.start()
      rig.publish()
      await rig.firstAcknowledgement()
      await delay(rig.between(100, 400))
      await rig.quiet()
      await rig.stop()
      await startOnImmutable(rig, options.isSabotaged === true)
      if (rig.oracle.hasViolations) return await ended(rig)
      rig.checkNothingLost(await rig.drain())
      await rig.stop()
    }
  } finally {
    await rig.close()
  }
  return rig.figures
}

async function startOnImmutable(rig: Rig, isSabotaged: boolean): Promise<void> {
  const channel = CHANNELS[Math.floor(rig.between(0, CHANNELS.length))] ?? ''
  const directory = join(rig.directory, 'channels', channel)
  const names = readdirSync(directory)
    .filter((name) => /\.log$/.test(name))
    .sort()
  const paths = names.slice(-1).map((name) => join(directory, name))
  if (!isSabotaged) changeAttribute('+i', paths)
  try {
    rig.count('chattr +i on a segment')
    await rig.start()
    await isSetAside(rig, channel, 'chattr +i on a segment', NAMED_AT_START_PATIENCE_MS)
    if (rig.oracle.hasViolations) return
    rig.publish()
    await othersGoOn(rig, channel, 'chattr +i on a segment')
    await rig.quiet()
    await rig.stop()
  } finally {
    changeAttribute('-i', paths)
  }
}

async function isSetAside(
  rig: Rig,
  channel: string,
  what: string,
  patienceMs = NAMED_PATIENCE_MS,
): Promise<void> {
  const isNamed = await eventually(patienceMs, async () => {
    const { problems, level, ready } = await rig.watch.health()
    if (!ready) rig.oracle.violated(`${what}: it is not ready: ${problems.join()}`)
    if (!ready) return true
    return level === 'critical' && problems.some((problem) => names(problem, channel))
  })
  if (!isNamed) rig.oracle.violated(`${what}: health does not say that ${channel} is set aside`)
}

async function isWell(rig: Rig, channel: string, what: string): Promise<void> {
  const isHealed = await eventually(HEALED_PATIENCE_MS, async () => {
    const { problems } = await rig.watch.health()
    return !problems.some((problem) => names(problem, channel))
  })
  if (!isHealed) rig.oracle.violated(`${what}: ${channel} is still set aside`)
}

function names(problem: string, channel: string): boolean {
  return problem.startsWith(`Channel ${channel} is set aside`)
}

/** Every publisher of another channel gets an acknowledgement. */
async function othersGoOn(rig: Rig, channel: string, what: string): Promise<void> {
  const others = rig.publishers.filter(({ plan }) => plan.channel !== channel)
  const all = Promise.all(others.map((publisher) => publisher.nextAcknowledgement()))
  const patience = delay(GOES_ON_PATIENCE_MS, 'too long', { ref: false })
  if ((await Promise.race([all, patience])) === 'too long') {
    rig.oracle.violated(`${what}: other channels do not go on`)
  }
  const { ready, problems } = await rig.watch.health()
  if (!ready) rig.oracle.violated(`${what}: it is not ready: ${problems.join()}`)
}

/** What was found is enough, and what follows could not succeed. */
async function ended(rig: Rig): Promise<Figures> {
  if (rig.connector.isAlive) await rig.kill()
  return rig.figures
}

async function eventually(patienceMs: number, isSo: () => Promise<boolean>): Promise<boolean> {
  const givesUpAt = performance.now() + patienceMs
  while (!(await isSo())) {
    if (performance.now() > givesUpAt) return false
    await delay(50)
  }
  return true
}

/** It needs root, and a file system with attributes. */
function immutableObstacle(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'immutable-'))
  const isPossible = changeAttribute('+i', [directory])
  if (isPossible) changeAttribute('-i', [directory])
  rmdirSync(directory)
  return isPossible ? undefined : 'files can’t be made immutable here'
}

function changeAttribute(change: '+i' | '-i', paths: readonly string[]): boolean {
  return spawnSync('chattr', [change, ...paths], { stdio: 'ignore' }).status === 0
}
