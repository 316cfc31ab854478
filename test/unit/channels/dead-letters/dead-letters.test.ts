import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeadLetter } from '../../../../src/channels/dead-letters/dead-letter-record.ts'
import type { DeadLetters } from '../../../../src/channels/dead-letters/dead-letters.ts'
import { ChannelSetRig, type RigOptions } from '../../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../../support/disk/fake-log-store.ts'

const BOUNDS = { maxMessages: 100, maxBytes: 1_000_000 }

async function openRig(options: RigOptions): Promise<{ rig: ChannelSetRig; letters: DeadLetters }> {
  const rig = new ChannelSetRig({ deadLetters: BOUNDS, ...options })
  await rig.set.open()
  return { rig, letters: rig.set.deadLetters! }
}

function letter(id: string, change: Partial<DeadLetter> = {}): DeadLetter {
  return {
    channel: 'c',
    destination: 'primary',
    refusal: { error: 'ResourceNotFoundException', message: 'no such channel' },
    topic: 'iotanalytics/channels/c/messages/put',
    receivedAt: 1_600_000_000_000,
    senderId: id,
    messageId: id,
    payload: Buffer.from(`payload of ${id}`),
    ...change,
  }
}

async function idsIn(letters: DeadLetters): Promise<(string | undefined)[]> {
  return (await letters.read(0, 1_000)).map(({ senderId }) => senderId)
}

for (const where of ['in memory', 'on disk'] as const) {
  const disk = () => (where === 'on disk' ? { disk: new FakeDisk() } : {})

  test(`${where}, a dead letter is found as it was, with reason, topic and times`, async () => {
    const { rig, letters } = await openRig(disk())
    const refused = letter('b', {
      channel: 'no-such channel',
      destination: undefined,
      senderId: undefined,
      messageId: undefined,
      payload: Buffer.from([0, 255, 7]),
    })

    assert.ok(letters.keep(letter('a')))
    assert.ok(letters.keep(refused))
    await rig.set.flush()
    const found = await letters.read(0, 10)

    assert.deepEqual(found, [
      { ...letter('a'), offset: 0, keptAt: rig.clock.now() },
      { ...refused, offset: 1, keptAt: rig.clock.now() },
    ])
  })

  test(`${where}, removed dead letters are gone, wherever they stood`, async () => {
    const { rig, letters } = await openRig(disk())
    for (const id of ['a', 'b', 'c', 'd']) letters.keep(letter(id))
    await rig.set.flush()

    letters.remove([1, 3, 3, 99])

    assert.deepEqual(await idsIn(letters), ['a', 'c'])
    assert.equal(letters.count, 2)
  })

  test(`${where}, the newest dead letters are kept, within their bounds`, async () => {
    const { rig, letters } = await openRig({
      ...disk(),
      deadLetters: { maxMessages: 3, maxBytes: 100_000 },
    })

    for (const id of ['a', 'b', 'c', 'd', 'e']) letters.keep(letter(id))
    await rig.set.flush()
    const byCount = await idsIn(letters)
    letters.keep(letter('large', { payload: Buffer.alloc(99_500) }))
    await rig.set.flush()

    assert.deepEqual(byCount, ['c', 'd', 'e'])
    assert.deepEqual(await idsIn(letters), ['large'])
    assert.equal(letters.keep(letter('too large', { payload: Buffer.alloc(100_000) })), false)
    assert.equal(letters.count, 1)
  })
}

test('dead letters and their removal survive a restart, and are not a channel', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  for (const id of ['a', 'b', 'c']) before.letters.keep(letter(id))
  await before.rig.set.flush()
  before.letters.remove([1])
  await before.rig.set.close()

  const { rig, letters } = await openRig({ disk })

  assert.deepEqual(await idsIn(letters), ['a', 'c'])
  assert.deepEqual(rig.set.ledger(), [])
  assert.deepEqual([...rig.set], [])
})

test('dead letters that others push out are counted over a restart, and reported with their channel, as are those without room', async () => {
  const disk = new FakeDisk()
  const reports: string[] = []
  const observer = {
    deadLetterLost: (channel: string, why: string) => void reports.push(`${channel}: ${why}`),
  }
  const options = { disk, observer, deadLetters: { maxMessages: 3, maxBytes: 10_000 } }
  const before = await openRig(options)
  before.rig.offer('c', 'a message')
  for (const id of ['a', 'b', 'c', 'd', 'e']) before.letters.keep(letter(id))
  before.letters.keep(letter('too large', { payload: Buffer.alloc(20_000) }))
  const lost = before.letters.lost
  await before.rig.set.flush()
  await before.rig.set.close()

  const after = await openRig(options)

  assert.equal(lost, 3)
  assert.deepEqual(reports, [
    'c: a newer one has taken its place',
    'c: a newer one has taken its place',
    'c: there was no room for it',
  ])
  assert.equal(after.letters.count, 3)
  assert.equal(after.letters.lost, 2, 'what was never kept is counted since the start')
})

test('many dead letters are read in parts', async () => {
  const { rig, letters } = await openRig({ disk: new FakeDisk() })
  for (let i = 0; i < 50; i += 1) letters.keep(letter(`m${i}`))
  await rig.set.flush()
  letters.remove(Array.from({ length: 50 }, (_, i) => i).filter((i) => i % 3 === 0))

  const first = await letters.read(0, 20)
  const second = await letters.read(first.at(-1)!.offset + 1, 20)

  assert.equal(first.length + second.length, letters.count)
  assert.deepEqual(await letters.read(second.at(-1)!.offset + 1, 20), [])
})

test('dead letters take no room from a store that has none, and a failing disk is left alone', async () => {
  const disk = new FakeDisk({ maxBytes: 2_000 })
  const { rig, letters } = await openRig({ disk })

  assert.equal(letters.keep(letter('a', { payload: Buffer.alloc(3_000) })), false)
  disk.failure = 'EIO'
  assert.ok(letters.keep(letter('b')))
  await rig.set.flush()
  assert.equal(letters.keep(letter('c')), false)
  disk.failure = undefined
  rig.clock.advance(100)
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(letters.keep(letter('d')))
  await rig.set.flush()

  assert.deepEqual(await idsIn(letters), ['d'])
})
