import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Committable, GroupCommit } from '../../../../src/channels/commit/group-commit.ts'
import { StorageHealth } from '../../../../src/channels/commit/storage-health.ts'
import { CommitError } from '../../../../src/channels/log/channel-log.ts'
import { ConnectorError } from '../../../../src/errors.ts'
import type { Message, Refusal } from '../../../../src/message.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { makeMessage } from '../../../support/channels/batch-maker.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { settled } from '../../../support/settled.ts'

const FULL = new ConnectorError('StorageFailed', 'the disk is full')

class Member implements Committable {
  readonly name: string
  stagedIn = 0
  readonly #events: string[]

  constructor(name: string, events: string[]) {
    this.name = name
    this.#events = events
  }

  committed(): void {
    this.#events.push(`${this.name} committed`)
  }

  discarded(messages: readonly Message[], { error }: Refusal): void {
    this.#events.push(`${this.name} discarded ${messages.length}: ${error}`)
  }
}

/** A group commit whose writes end when the test says so. */
class CommitRig {
  readonly clock = new ManualClock()
  /** What members, listeners and the observer were called with, in order. */
  readonly events: string[] = []
  readonly commits: GroupCommit
  readonly #writes: { resolve(): void; reject(error: unknown): void }[] = []

  constructor(minIntervalMs = 0) {
    const observer = {
      ...silentObserver,
      committed: (messages: number, bytes: number, ms: number) =>
        void this.events.push(`${messages} messages, ${bytes} bytes in ${ms} ms`),
    }
    const { clock } = this
    this.commits = new GroupCommit({
      commit: () => new Promise((resolve, reject) => this.#writes.push({ resolve, reject })),
      clock,
      observer,
      health: new StorageHealth({ clock, observer, probe: () => Promise.resolve() }),
      minIntervalMs,
      maxStagedBytes: 1_000,
    })
    this.commits.listen({
      committed: (cycle) => this.events.push(`cycle ${cycle} committed`),
      failed: (cycle, { error }) => this.events.push(`cycle ${cycle} failed: ${error}`),
    })
  }

  get writes(): number {
    return this.#writes.length
  }

  member(name: string): Member {
    return new Member(name, this.events)
  }

  stage(member: Committable, bytes = 10): number {
    return this.commits.stage(member, bytes, this.clock.now())
  }

  /** Ends the write under way. */
  async end(error?: unknown): Promise<void> {
    const write = this.#writes.shift()
    if (error === undefined) write?.resolve()
    else write?.reject(error)
    await settled()
  }
}

test('a member joins a cycle once, and is called before the cycle is reported', async () => {
  const rig = new CommitRig()
  const member = rig.member('c')

  const cycles = [rig.stage(member), rig.stage(member, 15), rig.stage(rig.member('d'))]
  await settled()
  rig.clock.advance(3)
  await rig.end()

  assert.deepEqual(cycles, [1, 1, 1])
  assert.deepEqual(rig.events, [
    '3 messages, 35 bytes in 3 ms',
    'c committed',
    'd committed',
    'cycle 1 committed',
  ])
  assert.equal(rig.commits.lastReported, 1)
  assert.deepEqual(rig.commits.committed, { messages: 3, bytes: 35 })
})

test('one write is under way at a time; messages that come meanwhile get the next cycle', async () => {
  const rig = new CommitRig()
  const member = rig.member('c')

  rig.stage(member)
  await settled()
  const openWhileWriting = rig.commits.openCycle
  const cycle = rig.stage(member)
  await settled()
  const writes = rig.writes
  await rig.end()

  assert.deepEqual([openWhileWriting, cycle, writes], [2, 2, 1])
  assert.equal(rig.writes, 1, 'the second cycle is written after the first')
  await rig.end()
  assert.equal(rig.commits.lastReported, 2)
})

test('nothing staged means no write', async () => {
  const rig = new CommitRig()

  await settled()
  await rig.commits.flush()

  assert.equal(rig.writes, 0)
  assert.deepEqual(rig.events, [])
})

test('records of sources and states are committed, but not counted as messages', async () => {
  const rig = new CommitRig()

  rig.commits.stageRecord(rig.member('sessions'), 50, rig.clock.now())
  rig.commits.stageState(rig.member('c'))
  await settled()
  await rig.end()

  assert.deepEqual(rig.events, ['sessions committed', 'c committed', 'cycle 1 committed'])
  assert.deepEqual(rig.commits.committed, { messages: 0, bytes: 0 })
})

test('each member of a failed cycle gets its own discarded messages', async () => {
  const rig = new CommitRig()
  rig.stage(rig.member('c'))
  rig.stage(rig.member('d'))
  await settled()

  const discarded = new Map([['c', [makeMessage(0), makeMessage(1)]]])
  await rig.end(new CommitError('nothing was written', discarded, { cause: FULL }))

  assert.deepEqual(rig.events, [
    'c discarded 2: StorageFailed',
    'd discarded 0: StorageFailed',
    'cycle 1 failed: StorageFailed',
  ])
  assert.equal(rig.commits.lastReported, 1)
})

test('an unexpected error fails the cycle too, and the next cycle is written', async () => {
  const rig = new CommitRig()
  const member = rig.member('c')
  rig.stage(member)
  await settled()
  rig.stage(member)

  await rig.end(new TypeError('a defect'))
  await rig.end()

  assert.deepEqual(rig.events.slice(0, 2), [
    'c discarded 0: StorageFailed',
    'cycle 1 failed: StorageFailed',
  ])
  assert.equal(rig.events.at(-1), 'cycle 2 committed')
})

test('staged bytes count against the limit until they are committed', async () => {
  const rig = new CommitRig()
  const member = rig.member('c')

  rig.stage(member, 600)
  const first = rig.commits.isSaturated
  await settled()
  rig.stage(member, 400)
  const second = rig.commits.isSaturated
  await rig.end()

  assert.deepEqual([first, second, rig.commits.isSaturated], [false, true, false])
})

test('flush writes all staged cycles, also within the minimum interval', async () => {
  const rig = new CommitRig(60_000)
  const member = rig.member('c')
  rig.stage(member)
  await settled()
  await rig.end()
  rig.stage(member)
  await settled()
  const withinInterval = rig.writes

  const flushed = rig.commits.flush()
  rig.stage(member)
  await rig.end()
  await rig.end()
  await flushed

  assert.equal(withinInterval, 0)
  assert.equal(rig.commits.lastReported, 3)
})

test('it says how long the disk has left a commit unanswered, and nothing while none is written', async () => {
  const rig = new CommitRig()
  const idle = rig.commits.pendingMs
  rig.stage(rig.member('c'))
  await settled()

  rig.clock.advance(7_000)
  const pending = rig.commits.pendingMs
  await rig.end()

  assert.deepEqual([idle, pending, rig.commits.pendingMs], [0, 7_000, 0])
})
