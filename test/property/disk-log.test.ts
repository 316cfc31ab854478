/**
 * The disk log against a plain array, on a disk that loses power at any call, flips bits or fails.
 * fast-check prints seed and path of a failing case.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DiskLogStoreOptions } from '../../src/channels/disk/disk-log-store.ts'
import { type ChannelLog, CommitError } from '../../src/channels/log/channel-log.ts'
import { MemoryBudget } from '../../src/channels/log/memory-budget.ts'
import type { Message } from '../../src/message.ts'
import { binaryDraft, readAll } from '../support/channels/log-drafts.ts'
import { diskStore } from '../support/disk/disk-stores.ts'
import { SimulatedDisk, seededRandom } from '../support/disk/simulated-disk.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 300)

type Step =
  | { readonly do: 'append'; readonly count: number; readonly bytes: number }
  | { readonly do: 'commit' }
  | { readonly do: 'appendAndCommit'; readonly count: number; readonly bytes: number }
  | { readonly do: 'read'; readonly back: number }
  | { readonly do: 'release'; readonly keep: number }
  | { readonly do: 'noteState' }
  | { readonly do: 'probe' }
  | { readonly do: 'makeRoom' }
  | { readonly do: 'reopen' }

const size = { count: fc.integer({ min: 1, max: 12 }), bytes: fc.integer({ min: 0, max: 900 }) }
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('append' as const), ...size }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('appendAndCommit' as const), ...size }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      back: fc.integer({ min: 0, max: 40 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      keep: fc.integer({ min: 0, max: 20 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('noteState' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('probe' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('makeRoom' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
)
const steps = fc.array(step, { minLength: 1, maxLength: 40 })
const seed = fc.nat()
const settings = fc.record({
  segmentBytes: fc.constantFrom(300, 2000, 100_000),
  budgetBytes: fc.constantFrom(0, 1_000_000),
  historyBytes: fc.constantFrom(0, 3000, 1_000_000),
  slotBytes: fc.constantFrom(8_192, 16_384, 20_480, 131_072),
})

/** A log, and the array that it should behave like. */
class Rig {
  readonly #random: () => number
  readonly #options: Partial<DiskLogStoreOptions>
  disk: SimulatedDisk
  #store
  #log: ChannelLog | undefined
  #next = 0
  /** The committed payloads, by offset. */
  readonly committed: Buffer[] = []
  /** Appended, but not in a successful commit. */
  staged: Buffer[] = []
  released = 0

  constructor(disk: SimulatedDisk, random: () => number, options: Partial<DiskLogStoreOptions>) {
    this.disk = disk
    this.#random = random
    this.#options = options
    this.#store = this.#newStore()
  }

  get log(): ChannelLog {
    this.#log ??= this.#store.create('press_1')
    return this.#log
  }

  async open(): Promise<void> {
    this.#store = this.#newStore()
    const logs = await this.#store.open()
    this.#log = logs[0]
  }

  async close(): Promise<void> {
    await this.#store.close()
    this.staged = []
  }

  append(count: number, bytes: number): void {
    for (let index = 0; index < count; index++) {
      const payload = Buffer.alloc(bytes, this.#random() < 0.2 ? 0 : this.#next)
      payload.write(`${this.#next}`)
      this.#next++
      const repeats = this.#random() < 0.7
      const topic = repeats ? 'line/1' : `line/${this.#next}`
      const receivedAt = 1_700_000_000_000 + Math.floor(this.#random() * 100)
      this.log.append(binaryDraft(payload, { topic, receivedAt }))
      this.staged.push(payload)
    }
  }

  /** Commits; a failure removes the messages of the commit from the model. */
  async commit(meanwhile?: () => void): Promise<void> {
    const group = this.staged
    const committing = this.#store.commit()
    this.staged = []
    meanwhile?.()
    try {
      await committing
      this.committed.push(...group)
    } catch (error) {
      if (!this.disk.hasPower) {
        this.staged = [...group, ...this.staged]
        throw error
      }
      assert.ok(error instanceof CommitError)
      assert.deepEqual(payloads(error.discarded.get('press_1') ?? []), group)
    }
  }

  async take(one: Step): Promise<void> {
    switch (one.do) {
      case 'append':
        return this.append(one.count, one.bytes)
      case 'commit':
        return this.commit()
      case 'appendAndCommit':
        this.append(1, one.bytes)
        return this.commit(() => this.append(one.count, one.bytes))
      case 'read':
        return this.checkReads(Math.max(this.released, this.committed.length - one.back))
      case 'release':
        this.released = Math.max(this.released, this.committed.length - one.keep)
        return this.log.release(this.released)
      case 'noteState': {
        const { committed } = this.log
        this.log.noteState({ version: 1, cursors: {}, refused: {}, end: committed }, this.released)
        return
      }
      case 'probe':
        return this.#store.probe().catch((error) => {
          if (!this.disk.hasPower) throw error
        })
      case 'makeRoom':
        this.#store.makeRoom(this.#store.maxBytes - this.#store.bytes + 1)
        return
      case 'reopen':
        await this.close()
        return this.open()
    }
  }

  async checkReads(from: number): Promise<void> {
    const messages = await readAll(this.log, from)
    assert.deepEqual(payloads(messages), this.committed.slice(from))
    assert.equal(messages[0]?.offset ?? from, from)
  }

  #newStore() {
    return diskStore({ maxBytes: 10_000_000, files: this.disk, ...this.#options })
  }
}

function payloads(messages: readonly Message[]): Buffer[] {
  return messages.map((message) => message.payload)
}

function optionsOf(chosen: {
  segmentBytes: number
  budgetBytes: number
  historyBytes: number
  slotBytes: number
}) {
  return {
    segmentBytes: chosen.segmentBytes,
    historyBytes: chosen.historyBytes,
    slotBytes: chosen.slotBytes,
    budget: new MemoryBudget(chosen.budgetBytes),
  }
}

test('without faults the log behaves like an array', async () => {
  await fc.assert(
    fc.asyncProperty(steps, seed, settings, async (taken, seedNumber, chosen) => {
      const random = seededRandom(seedNumber)
      const rig = new Rig(new SimulatedDisk(random), random, optionsOf(chosen))
      await rig.open()

      for (const one of taken) await rig.take(one)

      await rig.checkReads(rig.released)
      await rig.close()
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})

test('after a power cut at any call, every committed message is there, unaltered and in order', async () => {
  const life = fc.record({ taken: steps, powerLostAt: fc.integer({ min: 0, max: 200 }) })
  const lives = fc.array(life, { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(lives, seed, settings, async (all, seedNumber, chosen) => {
      const random = seededRandom(seedNumber)
      const rig = new Rig(new SimulatedDisk(random), random, optionsOf(chosen))
      await rig.open()
      for (const { taken, powerLostAt } of all) {
        rig.disk.powerLostAt = rig.disk.calls + powerLostAt
        try {
          for (const one of taken) await rig.take(one)
        } catch (error) {
          assert.equal(rig.disk.hasPower, false, String(error))
        }
        rig.disk = rig.disk.afterPowerLoss()
        await openAfterPowerLoss(rig, random() < 0.3)
      }

      rig.append(3, 50)
      await rig.commit()
      await rig.checkReads(rig.released)
      await rig.close()
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})

/** Opens, maybe loses power and opens again; the messages found go into the model. */
async function openAfterPowerLoss(rig: Rig, losesPowerAgain: boolean): Promise<void> {
  const { staged } = rig
  if (losesPowerAgain) {
    rig.disk.powerLostAt = rig.disk.calls + 6
    await rig.open().catch(() => undefined)
    rig.disk = rig.disk.afterPowerLoss()
  }
  await rig.open()
  const found = payloads(await readAll(rig.log, rig.released))
  const expected = rig.committed.slice(rig.released)
  assert.deepEqual(found.slice(0, expected.length), expected)
  assert.deepEqual([...rig.log.damaged], [])
  // A prefix of the messages that were not acknowledged may have been stored all the same.
  const more = found.slice(expected.length)
  assert.deepEqual(more, staged.slice(0, more.length))
  rig.committed.push(...more)
  rig.staged = []
}

test('whichever calls fail, committed messages stay and refused ones are named', async () => {
  const codes = fc.constantFrom('ENOSPC', 'EIO', 'EROFS', 'EDQUOT')
  await fc.assert(
    fc.asyncProperty(steps, seed, settings, codes, async (taken, seedNumber, chosen, code) => {
      const random = seededRandom(seedNumber)
      const rig = new Rig(new SimulatedDisk(random), random, optionsOf(chosen))
      await rig.open()
      for (const one of taken) {
        if (one.do === 'reopen') continue
        rig.disk.fail = (operation) =>
          one.do !== 'read' && random() < 0.2 && operation !== 'read' ? code : undefined
        await rig.take(one)
      }
      rig.disk.fail = () => undefined

      rig.append(2, 20)
      await rig.commit()
      await rig.checkReads(rig.released)
      await rig.close()
      rig.disk = rig.disk.afterPowerLoss()
      await rig.open()

      await rig.checkReads(rig.released)
      await rig.close()
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})

test('a failing read says StorageFailed and succeeds later', async () => {
  await fc.assert(
    fc.asyncProperty(steps, seed, async (taken, seedNumber) => {
      const random = seededRandom(seedNumber)
      const options = { segmentBytes: 500, budget: new MemoryBudget(0), historyBytes: 1_000_000 }
      const rig = new Rig(new SimulatedDisk(random), random, options)
      await rig.open()
      for (const one of taken) await rig.take(one)
      rig.disk.fail = () => (random() < 0.3 ? 'EIO' : undefined)

      const failure = await readAll(rig.log, rig.released).then(
        () => undefined,
        (error: unknown) => error,
      )
      rig.disk.fail = () => undefined

      if (failure !== undefined) {
        assert.ok(failure instanceof Error && 'code' in failure)
        assert.equal(failure.code, 'StorageFailed')
      }
      await rig.checkReads(rig.released)
      await rig.close()
    }),
    { numRuns: Math.ceil(RUNS / 3), includeErrorInReport: true },
  )
})

test('a flipped bit costs at most the commit it is in, and never stops the log', async () => {
  const flips = fc.record({
    file: fc.nat(),
    position: fc.nat(),
    bit: fc.integer({ min: 0, max: 7 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record(size), { minLength: 1, maxLength: 20 }),
      seed,
      fc.constantFrom(300, 3000, 100_000),
      fc.array(flips, { minLength: 1, maxLength: 4 }),
      async (groups, seedNumber, segmentBytes, all) => {
        const random = seededRandom(seedNumber)
        const rig = new Rig(new SimulatedDisk(random), random, { segmentBytes, historyBytes: 0 })
        await rig.open()
        const groupOf: number[] = []
        for (const [group, { count, bytes }] of groups.entries()) {
          rig.append(count, bytes)
          for (let index = 0; index < count; index++) groupOf.push(group)
          await rig.commit()
        }
        rig.log.noteState({ version: 1, cursors: {}, refused: {} }, 0)
        await rig.commit()
        await rig.close()
        for (const flip of all) {
          const path = rig.disk.files[flip.file % rig.disk.files.length]!
          const { length } = rig.disk.contentOf(path)
          rig.disk.damage(path, flip.position % length, 1 << flip.bit)
        }

        await rig.open()
        const messages = await readAll(rig.log)

        for (const { offset, payload } of messages) {
          assert.ok(rig.committed[offset]?.equals(payload), `message ${offset} was altered`)
        }
        const found = new Set(messages.map((message) => message.offset))
        const gone = groupOf.filter((_, offset) => !found.has(offset))
        assert.ok(new Set(gone).size <= all.length, `commits ${[...new Set(gone)]} are gone`)
        await rig.close()
      },
    ),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})

test('opening never fails, whatever is in the files', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      seed,
      fc.array(
        fc.record({ file: fc.nat(), content: fc.uint8Array({ maxLength: 200 }), at: fc.nat() }),
        {
          minLength: 1,
          maxLength: 5,
        },
      ),
      async (taken, seedNumber, changes) => {
        const random = seededRandom(seedNumber)
        const rig = new Rig(new SimulatedDisk(random), random, {
          segmentBytes: 1000,
          historyBytes: 0,
        })
        await rig.open()
        for (const one of taken) await rig.take(one)
        await rig.commit()
        await rig.close()
        for (const { file, content, at } of changes) {
          const path = rig.disk.files[file % rig.disk.files.length]
          if (path === undefined) continue
          const old = rig.disk.contentOf(path)
          const kept = old.subarray(0, at % (old.length + 1))
          const rest = random() < 0.5 ? old.subarray(kept.length + content.length) : Buffer.alloc(0)
          rig.disk.replace(path, Buffer.concat([kept, content, rest]))
        }

        await rig.open()
        const messages = await readAll(rig.log)
        const count = rig.committed.length
        rig.append(1, 10)
        await rig.commit()

        for (const { offset, payload } of messages) {
          assert.ok(offset >= count || rig.committed[offset]?.equals(payload))
        }
        const after = await readAll(rig.log)
        assert.equal(after.length, messages.length + 1)
        await rig.close()
      },
    ),
    { numRuns: RUNS, includeErrorInReport: true },
  )
})
