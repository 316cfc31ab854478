/** When a message that can't be stored now is offered again, and when its client is disconnected. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  MAX_RETRY_MS,
  MessageRetry,
} from '../../../../../src/sources/mqtt-server/connection/message-retry.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'

const FULL = { error: 'StorageFull', message: 'the disk is full' } as const

/** A message that is refused each time that it is offered. */
function open() {
  const clock = new ManualClock()
  const offeredAt: number[] = []
  const givenUpAt: number[] = []
  const retry: MessageRetry = new MessageRetry({
    clock,
    offerAgain: () => {
      offeredAt.push(clock.monotonic())
      retry.refused(FULL)
    },
    giveUp: () => givenUpAt.push(clock.monotonic()),
  })
  return { clock, retry, offeredAt, givenUpAt }
}

test('pauses double from 20 ms to 1 s, and after 10 s the client is disconnected', () => {
  const { clock, retry, offeredAt, givenUpAt } = open()

  retry.refused(FULL)
  clock.advance(2 * MAX_RETRY_MS)

  assert.deepEqual(offeredAt.slice(0, 7), [20, 60, 140, 300, 620, 1_260, 2_260])
  assert.equal(offeredAt.at(-1), MAX_RETRY_MS)
  assert.deepEqual(givenUpAt, [MAX_RETRY_MS])
})

test('a message is offered at the end of its time, not in the middle of a pause', () => {
  const { clock, retry, offeredAt } = open()

  retry.refused(FULL)
  clock.advance(MAX_RETRY_MS)

  const last = offeredAt.at(-1) ?? 0
  const before = offeredAt.at(-2) ?? 0
  assert.equal(last, MAX_RETRY_MS)
  assert.ok(last - before < 1_000)
})

test('a message pauses from its refusal until it is offered again', () => {
  const clock = new ManualClock()
  const states: boolean[] = []
  const retry: MessageRetry = new MessageRetry({
    clock,
    offerAgain: () => states.push(retry.isPausing),
    giveUp: () => undefined,
  })

  retry.refused(FULL)
  states.push(retry.isPausing)
  clock.advance(20)

  assert.deepEqual(states, [true, false])
})

test('a retry that was cancelled offers nothing', () => {
  const { clock, retry, offeredAt, givenUpAt } = open()
  retry.refused(FULL)

  retry.cancel()
  clock.advance(2 * MAX_RETRY_MS)

  assert.equal(retry.isPausing, false)
  assert.deepEqual([offeredAt, givenUpAt], [[], []])
})
