/**
 * Payloads that look like the connector's own bytes: frames, cycles and headers of slots, copied
 * from the same files or made up. Nothing in them is ever read as a message, wherever power fails
 * and whatever is damaged around them. `FORGERY_STEP=1` tries every place.
 */
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { exportMessages } from '../../../../src/channels/disk/doctor/export-messages.ts'
import { inspectDirectory } from '../../../../src/channels/disk/doctor/inspect.ts'
import {
  FRAME_HEADER_BYTES,
  readHeader,
  sealFrame,
} from '../../../../src/channels/disk/format/frame.ts'
import {
  BLOCK_BYTES,
  CycleBuilder,
  ENTRY_KIND,
  readCycleHeader,
} from '../../../../src/channels/disk/journal/cycle.ts'
import { encodeLogEntry } from '../../../../src/channels/disk/journal/log-entry.ts'
import { writeSlotHeader } from '../../../../src/channels/disk/journal/slot.ts'
import type { Message } from '../../../../src/message.ts'
import { binaryDraft, draftOf, readAll } from '../../../support/channels/log-drafts.ts'
import { diskStore, MEBIBYTE } from '../../../support/disk/disk-stores.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

const SECTOR_BYTES = 512
const EVERY = Number(process.env['FORGERY_STEP'] ?? 7)

function newDisk(): SimulatedDisk {
  return new SimulatedDisk(seededRandom(1))
}

function storeOn(files: SimulatedDisk) {
  return diskStore({ files, slotBytes: 256 * 1024 })
}

async function copyOf(disk: SimulatedDisk): Promise<SimulatedDisk> {
  const copy = newDisk()
  for (const path of disk.files) {
    await copy.makeDirectory(dirname(path))
    copy.replace(path, disk.contentOf(path))
  }
  return copy
}

/** Commits one message after the other. */
async function append(disk: SimulatedDisk, payloads: readonly Buffer[]) {
  const store = storeOn(disk)
  const [log = store.create('press_1')] = await store.open()
  for (const payload of payloads) {
    log.append(binaryDraft(payload))
    await store.commit()
  }
  await store.close()
}

/** A frame with one record, of this identity. */
function frameOf(identity: { id: number; key: number }, firstOffset: number): Buffer {
  const record = Buffer.from('\x02\x01t\x06forged', 'latin1')
  const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), record])
  const header = { identity, bodyBytes: record.length, count: 1, firstOffset }
  const times = { firstReceivedAt: 1, newestReceivedAt: 1, isContinuation: false }
  sealFrame(bytes, 0, { ...header, ...times })
  return bytes
}

/** A cycle with a frame of a log that does not exist. */
function cycleOf(key: number, generation: number, sequence: number): Buffer {
  const identity = { id: 1, key: 2 }
  const entry = encodeLogEntry({ name: 'forged', identity, released: 0, end: 1, state: undefined })
  const frame = frameOf(identity, 0)
  const builder = new CycleBuilder(BLOCK_BYTES)
  builder.begin(0)
  builder.add(ENTRY_KIND.log, entry, 0, entry.length)
  builder.add(ENTRY_KIND.frame, frame, 0, frame.length)
  const bytes = builder.seal({ key, generation, sequence, time: 1, flags: 0 })
  return Buffer.from(builder.buffer.subarray(0, bytes))
}

/** Opens the directory, inspects and exports it: only these messages are found, each at its offset. */
async function expectOnly(disk: SimulatedDisk, expected: readonly Buffer[]): Promise<number[]> {
  const { channels } = await inspectDirectory('/data', disk)
  const found: Message[] = []
  for await (const message of exportMessages('/data', { channel: 'press_1' }, disk)) {
    found.push(message)
  }
  const exported = offsetsOf(found, expected)
  const store = storeOn(disk)
  const logs = await store.open()
  const names = [...channels.map(({ channel }) => channel), ...logs.map(({ channel }) => channel)]
  assert.deepEqual([...new Set(names)], ['press_1'])
  const [log] = logs
  const read = log === undefined ? [] : offsetsOf(await readAll(log), expected)
  await store.close()
  assert.deepEqual(exported, read)
  assert.equal(channels[0]?.messages, read.length)
  return read
}

function offsetsOf(messages: readonly Message[], expected: readonly Buffer[]): number[] {
  for (const { offset, payload } of messages) {
    assert.ok(expected[offset]?.equals(payload), `message ${offset}: ${payload.subarray(0, 20)}`)
  }
  const offsets = messages.map(({ offset }) => offset)
  assert.deepEqual(
    offsets,
    [...new Set(offsets)].sort((a, b) => a - b),
  )
  return offsets
}

/** A stopped directory; message 3 is made of frames, and 4 follows it. */
async function withFramesInSegment() {
  const disk = newDisk()
  const first = ['m0', 'm1', 'm2'].map((text) => Buffer.from(text))
  await append(disk, first)
  const path = disk.files.find((file) => file.endsWith('.log')) ?? ''
  const file = disk.contentOf(path)
  const identity = readHeader(file, 0, undefined)?.identity
  assert.ok(identity !== undefined)
  const payload = Buffer.concat([
    file,
    ...[0, 3, 4, 5, 1_000].map((offset) => frameOf({ id: 1, key: 2 }, offset)),
    ...[3, 4, 5].map((offset) => frameOf({ id: identity.id, key: identity.key + 1 }, offset)),
  ])
  const messages = [...first, payload, Buffer.from('m4')]
  await append(disk, messages.slice(3))
  const segment = disk.files.find(
    (one) => disk.contentOf(one).includes(payload) && one.endsWith('.log'),
  )
  assert.ok(segment !== undefined)
  const at = disk
    .contentOf(segment)
    .lastIndexOf('IAL1', disk.contentOf(segment).indexOf(payload) - 1)
  return { disk, messages, segment, at, bytes: payload.length }
}

test('frames in a payload are not read when the frame around them is damaged', async () => {
  const { disk, messages, segment, at } = await withFramesInSegment()
  assert.deepEqual(await expectOnly(await copyOf(disk), messages), [0, 1, 2, 3, 4])

  for (let byte = 0; byte < FRAME_HEADER_BYTES; byte += EVERY) {
    const damaged = await copyOf(disk)
    damaged.damage(segment, at + byte, 0x10)

    assert.deepEqual(await expectOnly(damaged, messages), [0, 1, 2, 4], `byte ${byte}`)
  }
})

test('frames in a payload are not read, wherever the file around them ends', async () => {
  const { disk, messages, segment, at, bytes } = await withFramesInSegment()
  const content = disk.contentOf(segment)

  for (let end = at; end < at + bytes; end += 23 * EVERY) {
    const torn = await copyOf(disk)
    torn.replace(segment, content.subarray(0, end))

    const found = await expectOnly(torn, messages)

    assert.deepEqual(found, [0, 1, 2], `cut at ${end}`)
  }
})

test('a log whose name and key are lost is not given those of a frame in a payload', async () => {
  const { disk, messages, segment } = await withFramesInSegment()
  for (const path of disk.files) if (!path.endsWith('.log')) disk.lose(path)
  for (let byte = 0; byte < 2 * FRAME_HEADER_BYTES; byte++) disk.damage(segment, byte, 0x10)
  const others = disk.files.filter((path) => path !== segment)

  const found = await expectOnly(disk, messages)

  assert.ok(found.length <= messages.length - others.length, `${found}`)
})

/** The slot's bytes behind its header, up to the last cycle. */
function cyclesIn(slot: Buffer): Buffer {
  let end = BLOCK_BYTES
  for (let at = end; at < slot.length; at += BLOCK_BYTES) {
    const cycle = readCycleHeader(slot, at)
    if (cycle !== undefined) end = at + Math.ceil(cycle.bytes / BLOCK_BYTES) * BLOCK_BYTES
  }
  return slot.subarray(BLOCK_BYTES, end)
}

/** A directory after a crash: the newest cycle has a payload of cycles, on whole blocks. */
async function withCyclesInJournal() {
  const first = ['m0', 'm1', 'm2'].map((text) => Buffer.from(text))
  const payloadOf = (pad: number, slot: Buffer) => {
    const newest = readCycleHeader(slot, BLOCK_BYTES)
    assert.ok(newest !== undefined)
    const { key, generation, sequence } = newest
    const header = Buffer.alloc(BLOCK_BYTES)
    const use = { key: key + 1, generation: generation + 1, firstSequence: sequence + 9 }
    writeSlotHeader(header, { ...use, bytes: slot.length, time: 1, needed: [], firstCycleCrc: 0 })
    const forged = [1, 2, 3, 4, 5, 6].flatMap((ahead) => [
      cycleOf(key + 1, generation, sequence + ahead),
      cycleOf(key + 1, generation + 1, sequence + ahead),
    ])
    return Buffer.concat([Buffer.alloc(pad, 1), cyclesIn(slot), ...forged, header])
  }
  const build = async (pad: number) => {
    const disk = newDisk()
    const store = storeOn(disk)
    await store.open()
    const log = store.create('press_1')
    for (const one of first) {
      log.append(binaryDraft(one))
      await store.commit()
    }
    const slot = disk.files.find((path) => disk.contentOf(path).includes('m2')) ?? ''
    const payload = payloadOf(pad, disk.contentOf(slot))
    log.append(binaryDraft(payload))
    await store.commit()
    return { disk, payload, slot }
  }
  const trial = await build(0)
  const at = trial.disk.contentOf(trial.slot).indexOf(trial.payload)
  const built = await build(BLOCK_BYTES - (at % BLOCK_BYTES))
  return { ...built, messages: [...first, built.payload] }
}

test('cycles in a payload are not read, whichever sectors of the cycle around them are lost', async () => {
  const { disk, payload, slot, messages } = await withCyclesInJournal()
  const content = disk.contentOf(slot)
  const inPayload = content.indexOf(payload)
  assert.equal((inPayload + payload.indexOf('IAJ1')) % BLOCK_BYTES, 0)
  assert.deepEqual(await expectOnly(await copyOf(disk), messages), [0, 1, 2, 3])
  const end = inPayload + payload.length

  const cut = async (from: number, to: number) => {
    const torn = await copyOf(disk)
    torn.replace(slot, Buffer.from(content).fill(0, from, to))
    return expectOnly(torn, messages)
  }
  const newest = content.lastIndexOf('IAJ1', inPayload)
  for (let sector = newest; sector < end; sector += SECTOR_BYTES * EVERY) {
    assert.deepEqual(await cut(newest, sector + SECTOR_BYTES), [0, 1, 2], `up to ${sector}`)
    assert.deepEqual(await cut(sector, content.length), [0, 1, 2], `from ${sector}`)
  }
})

test('eight megabytes of what a frame or a cycle begins with are opened at once', async () => {
  const disk = newDisk()
  const store = diskStore({ files: disk, maxBytes: 1024 * MEBIBYTE })
  await store.open()
  const log = store.create('press_1')
  log.append(draftOf('m0'))
  await store.commit()
  await store.close()
  const path =
    disk.files.find(
      (one) => one.endsWith('.jnl') && readCycleHeader(disk.contentOf(one), BLOCK_BYTES),
    ) ?? ''
  const slot = disk.contentOf(path)
  const used = cyclesIn(slot).length + BLOCK_BYTES
  disk.replace(path, Buffer.from(slot).fill('IAJ1', used))
  const segment = disk.files.find((path) => path.endsWith('.log')) ?? ''
  const magic = Buffer.alloc(8 * MEBIBYTE, 'IAL1')
  disk.replace(segment, Buffer.concat([disk.contentOf(segment), magic]))
  const startMs = performance.now()

  const next = diskStore({ files: disk, maxBytes: 1024 * MEBIBYTE })
  const [found] = await next.open()

  assert.ok(performance.now() - startMs < 1_000)
  assert.deepEqual((await readAll(found ?? next.create('x'))).map(String).length, 1)
  await next.close()
})
