/** What can happen to the files of a channel and of the journal from outside the connector. */
import {
  copyFile,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { basename, join } from 'node:path'
import { exportMessages } from '../../src/channels/disk/doctor/export-messages.ts'
import { nodeFileLayer } from '../../src/channels/disk/files/node-file-layer.ts'
import { FileView } from '../../src/channels/disk/format/frame-walk.ts'
import { aligned, BLOCK_BYTES } from '../../src/channels/disk/journal/cycle.ts'
import { type FoundJournal, readJournal } from '../../src/channels/disk/journal/journal-reading.ts'
import type { Slot } from '../../src/channels/disk/journal/slot.ts'
import { walkSlot } from '../../src/channels/disk/journal/slot-walk.ts'
import { nameOf } from './numbered-message.ts'
import type { Rig } from './rig.ts'

export const CHANNELS = ['alpha', 'beta', 'gamma', 'delta']

/** What was done, and what was in the damaged files. */
export interface Harm {
  readonly name: string
  /** As `publisher/number`, of any channel. */
  readonly messages: ReadonlySet<string>
  /** Those of `messages` of which no trace may be left. */
  readonly traceless: ReadonlySet<string>
  /** The channels' earlier figures are lost. */
  readonly isLedgerLost: boolean
  /** The record of how far the logs went is lost: offsets may be used a second time. */
  readonly mayReuseIds: boolean
}

export interface Place {
  readonly rig: Rig
  readonly channel: string
  /** The channel's. */
  readonly directory: string
}

/** What the process does when the damage is made. */
export type Moment = 'killed' | 'stopped' | 'running'

export interface DamageKind {
  readonly name: string
  readonly moments: readonly Moment[]
  /** It damages segments or files beside them, so there have to be some. */
  readonly isOfSegments: boolean
  readonly damage: (place: Place) => Promise<Harm>
}

const STOPPED: readonly Moment[] = ['killed', 'stopped']
const RUNNING: readonly Moment[] = ['running']

export const DAMAGES: readonly DamageKind[] = [
  kind('bit flipped in a .log', STOPPED, flipLog),
  kind('bit flipped in a .log, running', RUNNING, flipLog),
  kind('bit flipped in an .idx', STOPPED, (place) => flipOther(place, '.idx')),
  kind('bit flipped in cursors', STOPPED, (place) => flipOther(place, 'cursors')),
  kind('.log cut short', STOPPED, cutLog),
  kind('.log deleted', STOPPED, deleteLog),
  kind('.log deleted, running', RUNNING, deleteLog),
  kind('channel directory deleted', STOPPED, deleteDirectory),
  kind('channel directory deleted, running', RUNNING, deleteDirectory),
  kind('unknown files and directories', STOPPED, addUnknown),
  kind('cursors deleted', STOPPED, deleteCursors),
  kind('.log of another channel in its place', STOPPED, foreignLog),
  kind('.log swapped with another channel’s', STOPPED, swapLogs),
  slotKind('bit flipped in a slot', STOPPED, flipSlot),
  slotKind('bit flipped in a slot, running', RUNNING, flipSlot),
  slotKind('slot cut short', STOPPED, cutSlot),
  slotKind('slot deleted', STOPPED, deleteSlot),
  slotKind('slots swapped', STOPPED, swapSlots),
  slotKind('slot deleted, running', RUNNING, deleteSlot),
  slotKind('journal/ deleted', STOPPED, deleteJournal),
  slotKind('journal/ deleted, running', RUNNING, deleteJournal),
]

type Harmed = Partial<Omit<Harm, 'name'>>
type Damaging = (place: Place) => Promise<Harmed>

const NO_HARM = {
  messages: new Set<string>(),
  traceless: new Set<string>(),
  isLedgerLost: false,
  mayReuseIds: false,
}

function kind(name: string, moments: readonly Moment[], damage: Damaging): DamageKind {
  const harm = async (place: Place) => ({ name, ...NO_HARM, ...(await damage(place)) })
  return { name, moments, isOfSegments: true, damage: harm }
}

function slotKind(name: string, moments: readonly Moment[], damage: Damaging): DamageKind {
  return { ...kind(name, moments, damage), isOfSegments: false }
}

async function flipLog({ rig, channel, directory }: Place): Promise<Harmed> {
  const log = await anyLog(rig, directory)
  if (log === undefined) return {}
  const { size } = await stat(join(directory, log.name))
  const messages = await messagesIn(rig.directory, { channel, ...log })
  await flip(rig, join(directory, log.name), size)
  return { messages }
}

async function flipOther({ rig, directory }: Place, ending: string): Promise<Harmed> {
  const found = await readdir(directory).catch(() => [])
  const names = found.filter((name) => name.endsWith(ending))
  const name = names[Math.floor(rig.random() * names.length)]
  if (name !== undefined) {
    const path = join(directory, name)
    await flip(rig, path, (await stat(path)).size)
  }
  return { isLedgerLost: ending === 'cursors' }
}

async function cutLog({ rig, channel, directory }: Place): Promise<Harmed> {
  const log = await anyLog(rig, directory)
  if (log === undefined) return {}
  const messages = await messagesIn(rig.directory, { channel, ...log })
  const path = join(directory, log.name)
  await truncate(path, Math.floor(rig.random() * (await stat(path)).size))
  return { messages }
}

/** The file is moved away first, so that the bytes written until the move are known too. */
async function deleteLog({ rig, channel, directory }: Place): Promise<Harmed> {
  const log = await anyLog(rig, directory)
  if (log === undefined) return {}
  const away = join(rig.directory, 'away')
  await mkdir(join(away, 'channels', channel), { recursive: true })
  await rename(join(directory, log.name), join(away, 'channels', channel, log.name))
  const messages = await messagesIn(away, { channel, from: undefined, to: undefined })
  await rm(away, { recursive: true })
  return { messages }
}

/** After a clean stop only the directory knows of the channel. */
async function deleteDirectory({ rig, channel, directory }: Place): Promise<Harmed> {
  const { isClean } = await journalOf(rig)
  const away = join(rig.directory, 'away')
  await mkdir(join(away, 'channels'), { recursive: true })
  await rename(directory, join(away, 'channels', channel)).catch(() => undefined)
  const messages = await messagesIn(away, { channel, from: undefined, to: undefined })
  await rm(away, { recursive: true })
  const traceless = isClean ? messages : new Set<string>()
  return { messages, traceless, isLedgerLost: true, mayReuseIds: isClean }
}

async function deleteCursors({ directory }: Place): Promise<Harmed> {
  await rm(join(directory, 'cursors'), { force: true })
  return { isLedgerLost: true }
}

async function foreignLog({ rig, channel, directory }: Place): Promise<Harmed> {
  const log = await anyLog(rig, directory)
  const other = otherThan(rig, channel)
  const foreign = await anyLog(rig, join(directory, '..', other))
  if (log === undefined || foreign === undefined) return {}
  const messages = await messagesIn(rig.directory, { channel, ...log })
  await copyFile(join(directory, '..', other, foreign.name), join(directory, log.name))
  return { messages }
}

async function swapLogs({ rig, channel, directory }: Place): Promise<Harmed> {
  const log = await anyLog(rig, directory)
  const other = otherThan(rig, channel)
  const foreign = await anyLog(rig, join(directory, '..', other))
  if (log === undefined || foreign === undefined) return {}
  const own = await messagesIn(rig.directory, { channel, ...log })
  const others = await messagesIn(rig.directory, { channel: other, ...foreign })
  await swap(join(directory, log.name), join(directory, '..', other, foreign.name))
  return { messages: new Set([...own, ...others]) }
}

/** A slot says itself where it belongs, so that nothing is lost. */
async function swapSlots({ rig }: Place): Promise<Harmed> {
  const { slot } = await anySlot(rig)
  const { slot: other } = await anySlot(rig)
  if (slot !== undefined && other !== undefined) await swap(slot.path, other.path)
  return {}
}

async function swap(one: string, other: string): Promise<void> {
  if (one === other) return
  const away = `${one}.away`
  await rename(one, away)
  await rename(other, one)
  await rename(away, other)
}

function otherThan(rig: Rig, channel: string): string {
  const others = CHANNELS.filter((name) => name !== channel)
  return others[Math.floor(rig.random() * others.length)] ?? ''
}

/** Nothing shows whether the write of the newest slot's last cycle was ever finished. */
async function flipSlot({ rig }: Place): Promise<Harmed> {
  const { slot, isNewest } = await anySlot(rig)
  if (slot === undefined) return {}
  const messages = await messagesInSlot(rig, slot.path)
  const lastCycleAt = await startOfLastCycle(slot)
  const others = await messagesInSlot(rig, slot.path, lastCycleAt)
  const position = await flip(rig, slot.path, slot.bytes)
  const isLast = isNewest && position >= lastCycleAt
  const traceless = isLast ? without(messages, others) : new Set<string>()
  return { messages, traceless, mayReuseIds: isLast }
}

async function cutSlot({ rig }: Place): Promise<Harmed> {
  const { slot, isNewest } = await anySlot(rig)
  if (slot === undefined) return {}
  const messages = await messagesInSlot(rig, slot.path)
  await truncate(slot.path, Math.floor(rig.random() * slot.bytes))
  return tracelessIf(isNewest, messages)
}

async function deleteSlot({ rig }: Place): Promise<Harmed> {
  const { slot, isNewest } = await anySlot(rig)
  if (slot === undefined) return {}
  const messages = await messagesInSlot(rig, slot.path)
  await rm(slot.path)
  return tracelessIf(isNewest, messages)
}

/**
 * Messages that are only in the journal are lost, and so is the record of how far the logs went.
 */
async function deleteJournal({ rig }: Place): Promise<Harmed> {
  const { read } = await journalOf(rig)
  const messages = new Set<string>()
  for (const { path } of read) {
    for (const message of await messagesInSlot(rig, path)) messages.add(message)
  }
  await rm(join(rig.directory, 'journal'), { recursive: true })
  return tracelessIf(true, messages)
}

function tracelessIf(isTraceless: boolean, messages: ReadonlySet<string>): Harmed {
  if (!isTraceless) return { messages }
  return { messages, traceless: messages, isLedgerLost: true, mayReuseIds: true }
}

function without(all: ReadonlySet<string>, some: ReadonlySet<string>): Set<string> {
  return new Set([...all].filter((one) => !some.has(one)))
}

function journalOf(rig: Rig): Promise<FoundJournal> {
  return readJournal(nodeFileLayer, join(rig.directory, 'journal'))
}

/** One that is needed, or the newest. */
async function anySlot(rig: Rig): Promise<{ slot: Slot | undefined; isNewest: boolean }> {
  const { read } = await journalOf(rig)
  const slot = read[Math.floor(rig.random() * read.length)]
  return { slot, isNewest: slot === read.at(-1) }
}

async function startOfLastCycle(slot: Slot): Promise<number> {
  const file = await nodeFileLayer.open(slot.path, 'read')
  const { key, generation, firstSequence } = slot
  const visit = { onFrame() {}, onEntry() {}, onDamage() {} }
  let end = BLOCK_BYTES
  let start = end
  try {
    const view = new FileView(file, slot.bytes, true)
    const use = { key, generation, firstSequence, endSequence: undefined }
    await walkSlot(view, use, visit, ({ bytes }) => {
      start = end
      end += aligned(bytes)
      return true
    })
  } finally {
    await file.close()
  }
  return start
}

/** A slot is self-contained: a copy of it alone can be read, up to `end`. */
async function messagesInSlot(rig: Rig, path: string, end?: number): Promise<Set<string>> {
  const away = join(rig.directory, 'away')
  await mkdir(join(away, 'journal'), { recursive: true })
  const copy = join(away, 'journal', basename(path))
  await copyFile(path, copy)
  if (end !== undefined) await truncate(copy, end)
  const messages = new Set<string>()
  for (const channel of CHANNELS) {
    const range = { channel, from: undefined, to: undefined }
    for (const message of await messagesIn(away, range)) messages.add(message)
  }
  await rm(away, { recursive: true })
  return messages
}

async function addUnknown({ rig, directory }: Place): Promise<Harmed> {
  const channels = join(rig.directory, 'channels')
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'notes.txt'), 'not ours')
  await writeFile(join(directory, '12.log'), 'not ours either')
  await mkdir(join(channels, 'lost+found', 'deep'), { recursive: true })
  await writeFile(join(channels, 'README'), 'a file among directories')
  return {}
}

interface LogFile {
  readonly name: string
  readonly from: number
  /** Undefined for the newest. */
  readonly to: number | undefined
}

async function anyLog(rig: Rig, directory: string): Promise<LogFile | undefined> {
  const found = await readdir(directory).catch(() => [])
  const names = found.filter((name) => /^\d{16}\.log$/.test(name)).sort()
  const place = Math.floor(rig.random() * names.length)
  const name = names[place]
  if (name === undefined) return undefined
  const next = names[place + 1]
  return {
    name,
    from: Number.parseInt(name, 10),
    to: next === undefined ? undefined : Number.parseInt(next, 10),
  }
}

async function messagesIn(
  directory: string,
  { channel, from, to }: { channel: string; from: number | undefined; to: number | undefined },
): Promise<Set<string>> {
  const messages = new Set<string>()
  for await (const { payload } of exportMessages(directory, { channel, from, to })) {
    const found = nameOf(payload)
    if (found !== undefined) messages.add(`${found.publisher}/${found.number}`)
  }
  return messages
}

/** Returns the position. */
async function flip(rig: Rig, path: string, size: number): Promise<number> {
  const file = await open(path, 'r+').catch(() => undefined)
  const position = Math.floor(rig.random() * size)
  if (file === undefined) return position // it was given back just now
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position)
  buffer[0] = (buffer[0] ?? 0) ^ (1 << Math.floor(rig.random() * 8))
  await file.write(buffer, 0, 1, position)
  await file.close()
  return position
}
