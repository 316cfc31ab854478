/** What can happen to the files of a channel behind the product's back. */
import { mkdir, open, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportMessages } from '../../src/channels/disk/export-messages.ts'
import { nameOf } from './numbered-message.ts'
import type { Rig } from './rig.ts'

/** What was done, and what was in the files that it was done to. */
export interface Harm {
  readonly name: string
  readonly channel: string
  /** As `publisher/number`. */
  readonly messages: ReadonlySet<string>
  /** It was the newest file, or all: nothing may be left that knows how many messages there were. */
  readonly isTraceless: boolean
  /** The channel's figures of before are gone. */
  readonly isLedgerLost: boolean
}

export interface Place {
  readonly rig: Rig
  readonly channel: string
  /** The channel's. */
  readonly directory: string
}

export interface DamageKind {
  readonly name: string
  readonly whileRunning: boolean
  readonly damage: (place: Place) => Promise<Harm>
}

export const DAMAGES: readonly DamageKind[] = [
  kind('bit flipped in a .log, stopped', false, flipLog),
  kind('bit flipped in a .log, running', true, flipLog),
  kind('bit flipped in an .idx', false, (place) => flipOther(place, '.idx')),
  kind('bit flipped in cursors', false, (place) => flipOther(place, 'cursors')),
  kind('.log cut short', false, cutLog),
  kind('.log deleted, stopped', false, deleteLog),
  kind('.log deleted, running', true, deleteLog),
  kind('channel directory deleted, stopped', false, deleteDirectory),
  kind('channel directory deleted, running', true, deleteDirectory),
  kind('unknown files and directories', false, addUnknown),
  kind('cursors deleted', false, deleteCursors),
]

type Harmed = Partial<Omit<Harm, 'name' | 'channel'>>

function kind(
  name: string,
  whileRunning: boolean,
  damage: (place: Place) => Promise<Harmed>,
): DamageKind {
  return {
    name,
    whileRunning,
    damage: async (place) => ({
      name,
      channel: place.channel,
      messages: new Set(),
      isTraceless: false,
      isLedgerLost: false,
      ...(await damage(place)),
    }),
  }
}

async function flipLog({ rig, channel, directory }: Place): Promise<Harmed> {
  const log = await anyLog(rig, directory)
  if (log === undefined) return {}
  const { size } = await stat(join(directory, log.name))
  const messages = await messagesIn(join(directory, '..', '..'), { channel, ...log })
  await flip(rig, join(directory, log.name), size)
  return { messages, isTraceless: log.to === undefined }
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
  const messages = await messagesIn(join(directory, '..', '..'), { channel, ...log })
  const path = join(directory, log.name)
  await truncate(path, Math.floor(rig.random() * (await stat(path)).size))
  return { messages, isTraceless: log.to === undefined }
}

/** Moved away first, so that what is written until the move is known too. */
async function deleteLog({ rig, channel, directory }: Place): Promise<Harmed> {
  const log = await anyLog(rig, directory)
  if (log === undefined) return {}
  const away = join(rig.directory, 'away')
  await mkdir(join(away, 'channels', channel), { recursive: true })
  await rename(join(directory, log.name), join(away, 'channels', channel, log.name))
  const messages = await messagesIn(away, { channel, from: undefined, to: undefined })
  await rm(away, { recursive: true })
  return { messages, isTraceless: log.to === undefined }
}

async function deleteDirectory({ rig, channel, directory }: Place): Promise<Harmed> {
  const away = join(rig.directory, 'away')
  await mkdir(join(away, 'channels'), { recursive: true })
  await rename(directory, join(away, 'channels', channel)).catch(() => undefined)
  const messages = await messagesIn(away, { channel, from: undefined, to: undefined })
  await rm(away, { recursive: true })
  return { messages, isTraceless: true, isLedgerLost: true }
}

async function deleteCursors({ directory }: Place): Promise<Harmed> {
  await rm(join(directory, 'cursors'), { force: true })
  return { isLedgerLost: true }
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

async function flip(rig: Rig, path: string, size: number): Promise<void> {
  const file = await open(path, 'r+').catch(() => undefined)
  if (file === undefined) return // it was given back just now
  const position = Math.floor(rig.random() * size)
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position)
  buffer[0] = (buffer[0] ?? 0) ^ (1 << Math.floor(rig.random() * 8))
  await file.write(buffer, 0, 1, position)
  await file.close()
}
