/** Packets that wait: kept in their order, and bounded over all connections together. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeferredFrames } from '../../../../../src/sources/mqtt-server/connection/deferred-frames.ts'
import { SharedBound } from '../../../../../src/sources/mqtt-server/limits/shared-bound.ts'

const PUBLISH = 0x30
const MESSAGE = Buffer.from('message')

function fill(frames: DeferredFrames, bytes: number): boolean {
  return frames.add(PUBLISH, Buffer.alloc(bytes), 0, bytes)
}

test('many connections whose packets wait never hold more than the bound, and a small one has room', () => {
  const bound = new SharedBound(1_000_000, 1)
  const all = Array.from({ length: 300 }, () => new DeferredFrames(bound))
  let refused = 0
  for (const frames of all) if (!fill(frames, 60_000)) refused++

  const polite = new DeferredFrames(bound)
  assert.equal(polite.add(PUBLISH, MESSAGE, 0, MESSAGE.length), true)
  assert.ok(refused > 200 && bound.used <= 1_000_000, `${refused} refused, ${bound.used} bytes`)
  for (const frames of all) frames.clear()
  polite.clear()
  assert.equal(bound.used, 0)
})

test('packets go on in their order, and what they held is free', () => {
  const bound = new SharedBound(1_000_000, 1)
  const frames = new DeferredFrames(bound)
  const texts = Array.from({ length: 2_000 }, (_, i) => `message ${i}`)
  for (const text of texts) {
    assert.equal(frames.add(PUBLISH, Buffer.from(text), 0, text.length), true)
  }
  const handled: string[] = []
  const handler = {
    frame: (_: number, bytes: Buffer, start: number, end: number) =>
      handled.push(bytes.toString('latin1', start, end)) > 0,
  }

  frames.drain(handler, () => handled.length === 1_000)
  assert.ok(bound.used > 0)
  frames.drain(handler, () => false)

  assert.deepEqual(handled, texts)
  assert.equal(bound.used, 0)
})
