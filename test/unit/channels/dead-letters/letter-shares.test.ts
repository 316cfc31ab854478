/** Dead letters of one channel do not push out those of others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeadLetter } from '../../../../src/channels/dead-letters/dead-letter-record.ts'
import type { DeadLetters } from '../../../../src/channels/dead-letters/dead-letters.ts'
import { LetterShares } from '../../../../src/channels/dead-letters/letter-shares.ts'
import { ChannelSetRig, type RigOptions } from '../../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../../support/disk/fake-log-store.ts'

const BOUNDS = { maxMessages: 100, maxBytes: 1_000_000 }

async function openRig(options: RigOptions): Promise<{ rig: ChannelSetRig; letters: DeadLetters }> {
  const rig = new ChannelSetRig({ deadLetters: BOUNDS, ...options })
  await rig.set.open()
  return { rig, letters: rig.set.deadLetters! }
}

function letter(channel: string, id: string, destination?: string): DeadLetter {
  return {
    channel,
    destination,
    refusal: { error: 'InvalidMessage', message: 'no' },
    topic: 't',
    receivedAt: 0,
    senderId: id,
    messageId: undefined,
    payload: Buffer.from(id),
  }
}

async function countsIn(letters: DeadLetters): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { channel } of await letters.read(0, 1_000)) {
    counts[channel] = (counts[channel] ?? 0) + 1
  }
  return counts
}

for (const where of ['in memory', 'on disk'] as const) {
  const disk = () => (where === 'on disk' ? { disk: new FakeDisk() } : {})

  test(`${where}, a publisher that invents names and messages pushes out its own dead letters only`, async () => {
    const { rig, letters } = await openRig(disk())
    rig.offer('pumps', 'a')
    await rig.set.flush()
    for (let i = 0; i < 20; i++) letters.keep(letter('pumps', `kept ${i}`, 'primary'))
    await rig.set.flush()

    for (let i = 0; i < 1_000; i++) {
      letters.keep(letter(`invented_${i}`, `junk ${i}`))
      if (i % 10 === 0) await rig.set.flush()
    }
    await rig.set.flush()
    const found = await letters.read(0, 1_000)

    assert.equal(found.filter(({ channel }) => channel === 'pumps').length, 20)
    assert.equal(letters.count, 100)
    assert.equal(found.at(-1)?.senderId, 'junk 999')
  })

  test(`${where}, a channel with few dead letters gets room from the one that holds the most`, async () => {
    const { rig, letters } = await openRig(disk())
    for (const channel of ['noisy', 'quiet']) rig.offer(channel, 'a')
    for (let i = 0; i < 300; i++) letters.keep(letter('noisy', `n${i}`, 'primary'))
    await rig.set.flush()

    for (let i = 0; i < 30; i++) letters.keep(letter('quiet', `q${i}`, 'primary'))
    await rig.set.flush()

    assert.deepEqual(await countsIn(letters), { noisy: 70, quiet: 30 })
  })
}

test('which channel holds how much is known after a restart', async () => {
  const disk = new FakeDisk()
  const before = await openRig({ disk })
  for (const channel of ['noisy', 'quiet']) before.rig.offer(channel, 'a')
  for (let i = 0; i < 10; i++) before.letters.keep(letter('quiet', `q${i}`, 'primary'))
  for (let i = 0; i < 90; i++) before.letters.keep(letter('noisy', `n${i}`, 'primary'))
  await before.rig.set.flush()
  await before.rig.set.close()

  const { rig, letters } = await openRig({ disk })
  for (let i = 0; i < 200; i++) {
    letters.keep(letter('noisy', `later ${i}`, 'primary'))
    await rig.set.flush()
  }

  assert.deepEqual(await countsIn(letters), { quiet: 10, noisy: 90 })
})

test('a log whose oldest letters stay does not grow without end on disk', async () => {
  const disk = new FakeDisk()
  const bounds = { maxMessages: 1_000, maxBytes: 20_000 }
  const { rig, letters } = await openRig({ disk, deadLetters: bounds })
  for (const channel of ['noisy', 'quiet']) rig.offer(channel, 'a')
  letters.keep(letter('quiet', 'q', 'primary'))

  for (let i = 0; i < 1_000; i++) {
    letters.keep(letter('noisy', `n${i}`, 'primary'))
    if (i % 5 === 0) await rig.set.flush()
  }

  assert.ok(letters.log.bytes <= 4 * 20_000, `${letters.log.bytes} bytes`)
  assert.equal((await countsIn(letters))['quiet'], 1)
})

test('shares follow letters whose commit failed, and two equal holders do not take turns', () => {
  const shares = new LetterShares({ maxMessages: 10, maxBytes: 1_000 })
  for (const offset of [0, 1, 2]) shares.add('a', offset, 100)
  for (const offset of [3, 4, 5]) shares.add('b', offset, 100)

  assert.equal(shares.payerFor('a', 100)?.name, 'a')
  assert.equal(shares.payerFor('b', 100)?.name, 'b')
  assert.equal(shares.payerFor('c', 100)?.name, 'a')
  shares.collapse(1, 4)

  assert.deepEqual([...(shares.find('a')?.letters.keys() ?? [])], [0])
  assert.deepEqual([...(shares.find('b')?.letters.keys() ?? [])], [1, 2])
})
