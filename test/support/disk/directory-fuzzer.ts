/**
 * Changes files of a data directory at random, and corrects the checksums afterwards: what another
 * program could write, or another version, or somebody who knows the format.
 */
import { crc32 } from 'node:zlib'
import { FRAME_HEADER_BYTES } from '../../../src/channels/disk/format/frame.ts'
import {
  BLOCK_BYTES,
  CYCLE_HEADER_BYTES,
  TABLE_ENTRY_BYTES,
} from '../../../src/channels/disk/journal/cycle.ts'

/** Contents by path. */
export type Directory = ReadonlyMap<string, Buffer>

type Random = () => number
type Mutation = (bytes: Buffer, random: Random) => Buffer

const STRANGE = [0, 1, 0x7f, 0x80, 0xff]
const STRANGE_VALUES: readonly unknown[] = [
  ...[null, -1, 0.5, 1e300, 2 ** 47, 2 ** 48, 2 ** 53, '', 'x', [], {}, true],
  ...[[{ from: 5, to: 1 }], { from: 1 }, { position: 1 }, [[[[[]]]]]],
]

/** The directory with up to four changes, and the paths of the files that were changed. */
export function mutated(
  directory: Directory,
  random: Random,
  mayChange: (path: string) => boolean,
): { readonly files: Directory; readonly changed: ReadonlySet<string> } {
  const files = new Map<string, Buffer>(
    [...directory].map(([path, bytes]) => [path, Buffer.from(bytes)]),
  )
  const paths = [...files.keys()].filter(mayChange)
  const changed = new Set<string>()
  for (let count = 1 + below(random, 4); count > 0 && paths.length > 0; count--) {
    const path = paths[below(random, paths.length)] ?? ''
    const bytes = files.get(path) ?? Buffer.alloc(0)
    const one = pick(random, [...mutationsOf(path), ...ANY_FILE])
    const other = files.get(paths[below(random, paths.length)] ?? '') ?? bytes
    files.set(path, random() < 0.05 ? Buffer.from(other) : one(bytes, random))
    changed.add(path)
  }
  return { files, changed }
}

const ANY_FILE: readonly Mutation[] = [
  (bytes, random) => flip(Buffer.from(bytes), random, 0, bytes.length),
  (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
  (bytes, random) => Buffer.concat([bytes, bytes.subarray(below(random, bytes.length + 1))]),
  (bytes) => Buffer.alloc(bytes.length),
]

function mutationsOf(path: string): readonly Mutation[] {
  if (path.endsWith('.jnl')) return [slotHeader, slotHeader, cycleHeader, entry, entry, entry]
  if (path.endsWith('.log')) return [frame, frame, frame]
  if (path.endsWith('.idx')) return [index, index]
  return path.endsWith('/cursors') ? [state, state, state] : []
}

function slotHeader(bytes: Buffer, random: Random): Buffer {
  if (bytes.length < BLOCK_BYTES) return bytes
  flip(bytes, random, 8, random() < 0.9 ? 80 : BLOCK_BYTES)
  bytes.writeUInt32LE(crc32(bytes.subarray(8, BLOCK_BYTES)), 4)
  return bytes
}

function cycleHeader(bytes: Buffer, random: Random): Buffer {
  const at = pick(random, cyclesOf(bytes))
  if (at === undefined) return bytes
  flip(bytes, random, at + 8, at + CYCLE_HEADER_BYTES)
  sealCycleHeader(bytes, at)
  return bytes
}

/** A frame or a log's entry in the journal, with all checksums over it. */
function entry(bytes: Buffer, random: Random): Buffer {
  const cycle = pick(random, cyclesOf(bytes))
  if (cycle === undefined) return bytes
  const end = cycle + bytes.readUInt32LE(cycle + 32)
  const count = bytes.readUInt32LE(cycle + 36)
  const table = end - count * TABLE_ENTRY_BYTES
  if (table < cycle || end > bytes.length) return bytes
  const chosen = below(random, count)
  let from = cycle + CYCLE_HEADER_BYTES
  for (let at = table, index = 0; at < end; at += TABLE_ENTRY_BYTES, index++) {
    const to = from + bytes.readUInt32LE(at + 4)
    if (to > table) return bytes
    if (index === chosen) {
      if (bytes[at] === 1) changeFrame(bytes, random, from)
      else changeLogEntry(bytes, random, from, to)
      bytes.writeUIntLE(bytes.readUIntLE(from + (bytes[at] === 1 ? 4 : 0), 3), at + 1, 3)
    }
    from = to
  }
  if (random() < 0.1) flip(bytes, random, table, end)
  bytes.writeUInt32LE(crc32(bytes.subarray(table, end)), cycle + 40)
  sealCycleHeader(bytes, cycle)
  return bytes
}

function frame(bytes: Buffer, random: Random): Buffer {
  const at = pick(random, placesOf(bytes, 'IAL1', 1))
  if (at !== undefined && at + FRAME_HEADER_BYTES <= bytes.length) changeFrame(bytes, random, at)
  return bytes
}

function changeFrame(bytes: Buffer, random: Random, at: number): void {
  const body = at + FRAME_HEADER_BYTES
  const end = Math.min(body + bytes.readUInt32LE(at + 12), bytes.length)
  if (random() < 0.5) flip(bytes, random, at + 12, body)
  else flip(bytes, random, body, end)
  bytes.writeUInt32LE(crc32(bytes.subarray(body, end)), at + 8)
  bytes.writeUInt32LE(crc32(bytes.subarray(at + 8, body)), at + 4)
}

function changeLogEntry(bytes: Buffer, random: Random, from: number, to: number): void {
  const stateAt = from + 25 + (bytes[from + 24] ?? 0)
  if (random() < 0.5) {
    flip(bytes, random, from + 12, Math.min(to, stateAt))
  } else if (stateAt < to) {
    // Its length can't change.
    const json = changeJson(bytes.toString('utf8', stateAt, to), random)
    bytes.write(json.slice(0, to - stateAt).padEnd(to - stateAt), stateAt)
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(from + 4, to)), from)
}

function index(bytes: Buffer, random: Random): Buffer {
  if (bytes.length < 26) return bytes
  flip(bytes, random, 14, bytes.length)
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4)
  return bytes
}

function state(bytes: Buffer, random: Random): Buffer {
  const json = changeJson(bytes.toString('utf8', 9, bytes.length - 1), random)
  return Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} ${json}\n`)
}

/** Replaces a value anywhere in it. */
function changeJson(json: string, random: Random): string {
  if (random() < 0.05) return '['.repeat(20_000)
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return json
  }
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = []
  collect(value, places)
  const place = pick(random, places)
  if (place !== undefined) place.holder[place.key] = pick(random, STRANGE_VALUES)
  return JSON.stringify(place === undefined ? pick(random, STRANGE_VALUES) : value)
}

function collect(value: unknown, places: { holder: Record<string, unknown>; key: string }[]): void {
  if (typeof value !== 'object' || value === null) return
  const holder = value as Record<string, unknown>
  for (const key of Object.keys(holder)) {
    places.push({ holder, key })
    collect(holder[key], places)
  }
}

function sealCycleHeader(bytes: Buffer, at: number): void {
  bytes.writeUInt32LE(crc32(bytes.subarray(at + 8, at + CYCLE_HEADER_BYTES)), at + 4)
}

function cyclesOf(bytes: Buffer): number[] {
  return placesOf(bytes, 'IAJ1', BLOCK_BYTES).filter(
    (at) => at + CYCLE_HEADER_BYTES <= bytes.length,
  )
}

function placesOf(bytes: Buffer, magic: string, step: number): number[] {
  const places: number[] = []
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    if (at % step === 0) places.push(at)
  }
  return places
}

/** Changes up to three bytes of `[from, to)`. */
function flip(bytes: Buffer, random: Random, from: number, to: number): Buffer {
  for (let count = below(random, 3) + 1; count > 0 && to > from; count--) {
    const at = from + below(random, to - from)
    const isStrange = random() < 0.5
    bytes[at] = isStrange ? (pick(random, STRANGE) ?? 0) : below(random, 256)
  }
  return bytes
}

function below(random: Random, end: number): number {
  return Math.floor(random() * end)
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[below(random, values.length)] as T
}
