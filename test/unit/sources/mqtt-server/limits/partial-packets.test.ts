/** Packets that have arrived in part: which connection ends when they take all their room. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PartialPackets } from '../../../../../src/sources/mqtt-server/limits/partial-packets.ts'

function open(max: number) {
  const partials = new PartialPackets(max)
  const ended: string[] = []
  const holder = (name: string) => ({ endPartial: () => void ended.push(name) })
  return { partials, ended, holder }
}

test('packets in part that take all their room end the connections that hold theirs longest', () => {
  const { partials, ended, holder } = open(1_000)
  const slow = holder('slow')
  partials.set(slow, 10, true)
  for (let i = 0; i < 20; i++) partials.set(holder(`silent ${i}`), 100, true)
  partials.set(slow, 20, false)

  assert.deepEqual(ended.slice(0, 2), ['silent 0', 'silent 1'])
  assert.ok(!ended.includes('slow'))
  assert.ok(partials.bytes <= 1_000)
})

test('a client that sends one long packet after the other stays, while silent ones end', () => {
  const { partials, ended, holder } = open(1_000)
  const polite = holder('polite')

  for (let i = 0; i < 50; i++) {
    partials.set(polite, 300, true)
    partials.set(holder('silent'), 300, true)
    partials.set(polite, 400, false)
  }

  assert.deepEqual([...new Set(ended)], ['silent'])
})

test('a packet that is complete takes no room', () => {
  const { partials, holder } = open(1_000)
  const one = holder('one')
  partials.set(one, 900, true)

  partials.set(one, 0, false)

  assert.equal(partials.bytes, 0)
})
