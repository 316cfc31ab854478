/** Streams of events whose clients do not read. */
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { LiveEvents } from '../../../../src/http/live/live-events.ts'
import { ListView } from '../../../support/http/served-view.ts'
import { ManualClock } from '../../../support/manual-clock.ts'

/** Takes one write, and no more until `read` is called. */
class SlowSocket extends Writable {
  taken = 0
  #done: (() => void) | undefined

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    this.taken += 1
    this.#done = done
  }

  read(): void {
    const done = this.#done
    this.#done = undefined
    done?.()
  }
}

const WANTED = { topics: new Set(['overview', 'channels'] as const), tails: new Set<string>() }

test('a client that does not read misses events, and no memory grows with what it misses', () => {
  const clock = new ManualClock()
  const events = new LiveEvents(new ListView(), clock)
  const socket = new SlowSocket({ highWaterMark: 1_024 })
  events.add(socket, WANTED, [])

  clock.advance(10_000)
  const early = socket.writableLength
  clock.advance(3_600_000)

  assert.ok(early > 0)
  assert.equal(socket.writableLength, early)
  assert.ok(early < 4_096, `${early} bytes wait`)
})

test('a slow client delays nobody, and goes on with what is true now', async () => {
  const clock = new ManualClock()
  const events = new LiveEvents(new ListView(), clock)
  const slow = new SlowSocket({ highWaterMark: 1 })
  let bytes = 0
  const quick = new Writable({
    write(chunk, _encoding, done) {
      bytes += chunk.length
      done()
    },
  })
  events.add(slow, WANTED, [])
  events.add(quick, WANTED, [])
  const first = bytes

  clock.advance(9_000)

  assert.equal(bytes, 10 * first)
  assert.equal(slow.taken, 1)
})

test('a viewer that leaves frees its place, and the timer ends with the last one', async () => {
  const clock = new ManualClock()
  const view = new ListView()
  const events = new LiveEvents(view, clock)
  const socket = new SlowSocket()
  events.add(socket, { topics: new Set(), tails: new Set(['pumps']) }, [])

  socket.destroy()
  await new Promise((resolve) => socket.once('close', resolve))
  const asked = view.snapshots
  const reads = view.reads
  clock.advance(60_000)

  assert.equal(events.viewerCount, 0)
  assert.deepEqual([view.snapshots, view.reads], [asked, reads])
})
