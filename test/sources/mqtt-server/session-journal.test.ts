/** The journal below the contract: torn and damaged files, bounds, a disk that fails; and both stores against each other. */
import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { silentObserver } from '../../../src/observer.ts'
import { SessionJournal } from '../../../src/sources/mqtt-server/session-store/session-journal.ts'
import type { SessionChange } from '../../../src/sources/mqtt-server/session-store/session-store.ts'
import { testSessionStore } from '../../contract/session-store.contract.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { MemorySessionStore } from '../../support/memory-session-store.ts'
import { temporaryDirectory } from '../../support/running-connector.ts'
import { deliveryOf, keptIn, messageOf, type PlainState } from '../../support/session-changes.ts'

const clientId = 'sleeper'
const BEGUN: SessionChange = { kind: 'begun', clientId, lastPacketId: 0 }

interface Journal {
  readonly journal: SessionJournal
  readonly directory: string
  readonly path: string
  readonly reports: string[]
  readonly clock: ManualClock
  again(): SessionJournal
  /** What the next one to open it finds. */
  kept(): Promise<PlainState>
}

async function makeJournal(t: TestContext, maxBytes?: number): Promise<Journal> {
  const directory = join(await temporaryDirectory(t), 'sessions')
  const reports: string[] = []
  const clock = new ManualClock()
  const observer = {
    ...silentObserver,
    storageFailed: (name: string, error: Error) => reports.push(`${name} failed: ${error.message}`),
    storageRecovered: () => reports.push('recovered'),
    damageFound: (name: string, what: string) => reports.push(`${name} damaged: ${what}`),
  }
  const again = () =>
    new SessionJournal({ directory, clock, observer, ...(maxBytes !== undefined && { maxBytes }) })
  const kept = async () => {
    const next = again()
    const found = keptIn(await next.open())
    await next.close()
    return found
  }
  const path = join(directory, 'journal')
  return { journal: again(), directory, path, reports, clock, again, kept }
}

/** Resolves when all that was noted is durable. */
async function durable(journal: SessionJournal): Promise<void> {
  while (journal.durable < journal.noted) {
    await new Promise<void>((resolve) => journal.listen(resolve))
  }
}

const DIRECTORIES = new WeakMap<object, Journal>()

testSessionStore({
  name: 'the memory store',
  make: async () => new MemorySessionStore(),
  again: async (_t, store) => store,
})

testSessionStore({
  name: 'the journal',
  async make(t) {
    const made = await makeJournal(t)
    DIRECTORIES.set(made.journal, made)
    return made.journal
  },
  async again(t, store) {
    const next = DIRECTORIES.get(store)?.again()
    assert.ok(next !== undefined)
    t.after(() => next.close())
    return next
  },
})

test('where there is nothing to keep there is no file, nor a directory', async (t) => {
  const { journal, directory } = await makeJournal(t)

  await journal.open()
  journal.note({ kind: 'unretained', topic: 'never/was' })
  await journal.close()

  await assert.rejects(stat(directory), { code: 'ENOENT' })
})

test('a write cut short is cut off, whatever its length, and all before it is there', async (t) => {
  const { journal, path, kept: find, reports } = await makeJournal(t)
  await journal.open()
  journal.note(BEGUN)
  await durable(journal)
  const whole = (await readFile(path)).length
  journal.note({ kind: 'queued', clientId, delivery: deliveryOf(0, messageOf('t', 'first')) })
  await durable(journal)
  const bytes = await readFile(path)
  await journal.close()

  for (let length = whole; length < bytes.length; length++) {
    await writeFile(path, bytes.subarray(0, length))
    const kept = await find()
    assert.deepEqual(kept.sessions[clientId]?.waiting, [], `${length} bytes`)
    assert.equal((await stat(path)).size <= whole + 64, true)
  }
  assert.deepEqual(reports, [])
})

test('a damaged frame costs what is in it; it is reported and set aside', async (t) => {
  const { journal, path, directory, kept: find, reports } = await makeJournal(t)
  await journal.open()
  journal.note(BEGUN)
  journal.note({ kind: 'received', clientId, packetId: 5 })
  await durable(journal)
  const from = (await stat(path)).size
  journal.note({ kind: 'queued', clientId, delivery: deliveryOf(0, messageOf('t', 'lost')) })
  await durable(journal)
  const to = (await stat(path)).size
  journal.note({ kind: 'queued', clientId, delivery: deliveryOf(1, messageOf('t', 'kept')) })
  await journal.close()
  const bytes = await readFile(path)
  bytes[from + 20] = (bytes[from + 20] ?? 0) ^ 1
  await writeFile(path, bytes)

  const kept = await find()

  assert.deepEqual(kept.sessions[clientId]?.waiting, ['1 t=kept'])
  // It may have been forgotten in the bytes that are lost.
  assert.deepEqual(kept.sessions[clientId]?.receivedIds, [])
  assert.match(reports.join('\n'), /^sessions damaged: \d+ bytes of sessions\/journal/)
  assert.deepEqual(await readFile(join(directory, 'journal.damaged')), bytes.subarray(from, to))
  reports.length = 0
  assert.deepEqual(await find(), kept)
  assert.deepEqual(reports, [])
})

test('bytes of any kind in its place are no reason not to start', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (noise, isBehind) => {
      const { journal, directory, path, again, kept: find } = await makeJournal(t)
      await mkdir(directory, { recursive: true })
      if (isBehind) {
        await journal.open()
        journal.note(BEGUN)
        await journal.close()
      }
      await appendFile(path, noise)

      const next = again()
      const kept = await next.open()
      next.note({ kind: 'begun', clientId: 'other', lastPacketId: 0 })
      await next.close()

      assert.equal(kept.sessions.has('other'), true)
      assert.deepEqual(
        Object.keys((await find()).sessions),
        isBehind ? [clientId, 'other'] : ['other'],
      )
    }),
    { numRuns: 40 },
  )
})

test('a journal that can’t be read is set aside whole, said so, and a new one begun', async (t) => {
  const { journal, path, directory, kept, reports } = await makeJournal(t)
  // Reading a directory fails as a broken disk does: with an error instead of bytes.
  await mkdir(path, { recursive: true })
  await writeFile(join(path, 'inside'), 'what was there')
  await mkdir(join(directory, 'journal.unreadable'))

  await journal.open()
  journal.note(BEGUN)
  await journal.close()

  assert.equal(reports.length, 1)
  assert.match(reports[0] ?? '', /^sessions damaged: sessions\/journal can't be read \(EISDIR/)
  const aside = await readFile(join(directory, 'journal.unreadable', 'inside'), 'utf8')
  assert.equal(aside, 'what was there')
  assert.deepEqual(Object.keys((await kept()).sessions), [clientId])
})

test('its files stay within their bound while messages come and go, and beyond it is said so', async (t) => {
  const maxBytes = 256 * 1024
  const { journal, directory, kept, reports } = await makeJournal(t, maxBytes)
  await journal.open()
  journal.note(BEGUN)
  const payload = 'x'.repeat(1_000)
  let largest = 0
  for (let sequence = 0; sequence < 2_000; sequence++) {
    const delivery = deliveryOf(sequence, messageOf('t', payload))
    const packetId = 1 + (sequence % 60_000)
    journal.note({ kind: 'queued', clientId, delivery })
    journal.note({ kind: 'sent', clientId, sequence, packetId })
    journal.note({ kind: 'settled', clientId, packetId })
    if (sequence % 50 !== 0) continue
    await durable(journal)
    largest = Math.max(largest, await bytesBelow(directory))
  }
  const before = [...reports]
  for (let sequence = 3_000; sequence < 3_200; sequence++) {
    const delivery = deliveryOf(sequence, messageOf('t', payload))
    journal.note({ kind: 'queued', clientId, delivery })
    await durable(journal)
    largest = Math.max(largest, await bytesBelow(directory))
  }
  await journal.close()

  assert.deepEqual(before, [])
  assert.ok(largest <= maxBytes, `${largest} bytes`)
  assert.match(reports[0] ?? '', /expected room below sessions/)
  const waiting = (await kept()).sessions[clientId]?.waiting.length ?? 0
  assert.ok(waiting > 50 && waiting < 100, `${waiting} of 200 kept`)
})

async function bytesBelow(directory: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(directory)) bytes += (await stat(join(directory, name))).size
  return bytes
}

test('while the disk fails nobody waits for it, and when it is back all of the state is written', async (t) => {
  const { journal, directory, kept, reports, clock } = await makeJournal(t)
  await writeFile(directory, 'a file where the directory should be')
  await journal.open()
  reports.length = 0
  const failed = new Promise<void>((resolve) => journal.listen(resolve))

  journal.note(BEGUN)
  await failed
  const isAwaited = journal.durable < journal.noted
  journal.note({ kind: 'retained', message: messageOf('a', 'x') })
  await rm(directory)
  const recovered = new Promise<void>((resolve) => journal.listen(resolve))
  clock.advance(5_000)
  await recovered

  assert.equal(isAwaited, false)
  assert.match(reports[0] ?? '', /^sessions failed: writing sessions\/journal: /)
  assert.deepEqual(reports.slice(1), ['recovered'])
  await journal.close()
  assert.deepEqual(Object.keys((await kept()).retained), ['a'])
})

const clients = fc.constantFrom('one', 'two')
const ids = fc.integer({ min: 1, max: 5 })
const changes: fc.Arbitrary<SessionChange> = fc.oneof(
  clients.map((client) => ({ kind: 'begun', clientId: client, lastPacketId: 0 }) as const),
  fc.record({
    kind: fc.constantFrom('ended', 'willPublished'),
    clientId: clients,
  }),
  fc.record({
    kind: fc.constant('connected'),
    clientId: clients,
    userName: fc.constantFrom(undefined, 'ann'),
    expiryIntervalS: fc.integer({ min: 1, max: 9 }),
    will: fc.option(fc.constant(messageOf('w', 'will')), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('disconnected'),
    clientId: clients,
    expiresAt: fc.constantFrom(5, Number.POSITIVE_INFINITY),
    willDueAt: fc.constantFrom(7, Number.POSITIVE_INFINITY),
  }),
  fc.record({
    kind: fc.constantFrom('released', 'settled', 'received', 'forgotten'),
    clientId: clients,
    packetId: ids,
  }),
  fc.record({ kind: fc.constant('sent'), clientId: clients, sequence: ids, packetId: ids }),
  fc.record({
    kind: fc.constant('queued'),
    clientId: clients,
    delivery: fc
      .tuple(ids, fc.constantFrom('a', 'b'))
      .map(([sequence, topic]) => deliveryOf(sequence, messageOf(topic, `${sequence}`))),
  }),
  fc.constantFrom('a', 'b').map((topic) => ({ kind: 'unretained', topic }) as const),
  fc
    .constantFrom('a', 'b')
    .map((topic) => ({ kind: 'retained', message: messageOf(topic, 'x') }) as const),
)
type Step = SessionChange | 'restart' | 'sync' | 'tear'

test('whatever happens to sessions, with restarts and torn tails in between, the journal knows what was', async (t) => {
  const steps = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: changes as fc.Arbitrary<Step> },
      { weight: 2, arbitrary: fc.constantFrom<Step>('restart', 'sync', 'tear') },
    ),
    { maxLength: 60 },
  )
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const made = await makeJournal(t)
      const model = new MemorySessionStore()
      let journal = made.journal
      await journal.open()
      for (const step of script) {
        if (step === 'sync') {
          await durable(journal)
        } else if (step === 'restart' || step === 'tear') {
          await journal.close()
          if (step === 'tear') {
            await appendFile(made.path, 'SJ01\0\0\0\x40torn').catch(() => undefined)
          }
          journal = made.again()
          assert.deepEqual(keptIn(await journal.open()), keptIn(model.kept))
        } else {
          journal.note(step)
          model.note(step)
        }
      }
      await journal.close()
      assert.deepEqual(await made.kept(), keptIn(model.kept))
      assert.deepEqual(made.reports, [])
    }),
    { numRuns: 60 },
  )
})
