/**
 * Who waits for commits: acknowledgements, answers about sessions, and connections with deferred
 * packets.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AckWaiter,
  CommitGate,
  type PausedReader,
} from '../../../../../src/sources/mqtt-server/broker/commit-gate.ts'
import { SessionRecorder } from '../../../../../src/sources/mqtt-server/sessions/session-recorder.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { MemorySessionStore } from '../../../../support/mqtt/memory-session-store.ts'
import { RecordingIntake } from '../../../../support/mqtt/recording-intake.ts'

const FULL = { error: 'StorageFull', message: 'the disk is full' } as const

/** What happens, in its order, as lines. */
type Events = string[]

/** Acknowledgements that wait for these cycles. */
class Acks implements AckWaiter {
  readonly #name: string
  readonly #events: Events
  #cycles: number[]

  constructor(name: string, events: Events, ...cycles: number[]) {
    this.#name = name
    this.#events = events
    this.#cycles = cycles
  }

  flush(cycle: number): boolean {
    this.#events.push(`${this.#name} flushes ${cycle}`)
    this.#cycles = this.#cycles.filter((waiting) => waiting > cycle)
    return this.#cycles.length > 0
  }

  fail(cycle: number): boolean {
    this.#events.push(`${this.#name} fails ${cycle}`)
    this.#cycles = this.#cycles.filter((waiting) => waiting > cycle)
    return this.#cycles.length > 0
  }
}

function open(recorder?: SessionRecorder) {
  const events: Events = []
  const intake = new RecordingIntake()
  const gate = new CommitGate(intake, recorder, (cycle) => events.push(`lost ${cycle}`))
  const reader = (name: string, saturates = false): PausedReader => ({
    resume() {
      events.push(`${name} resumes`)
      intake.isSaturated = saturates
    },
  })
  return { gate, intake, events, reader }
}

/** Sessions are kept, and their changes are durable with cycle 3. */
function openWithSessions() {
  const store = new MemorySessionStore(() => 3)
  const recorder = new SessionRecorder(store, new ManualClock())
  return { ...open(recorder), recorder }
}

test('acknowledgements are flushed with each cycle until none waits', () => {
  const { gate, events } = open()
  gate.addAckWaiter(new Acks('a', events, 0))
  gate.addAckWaiter(new Acks('b', events, 1))

  gate.committed(0)
  gate.committed(1)
  gate.committed(2)

  assert.deepEqual(events, ['a flushes 0', 'b flushes 0', 'b flushes 1'])
  assert.equal(gate.finishedCycle, 2)
})

test('a failed cycle is reported as lost before its acknowledgements fail', () => {
  const { gate, events } = open()
  gate.addAckWaiter(new Acks('a', events, 0, 1))

  gate.failed(0, FULL)
  gate.committed(1)

  assert.deepEqual(events, ['lost 0', 'a fails 0', 'a flushes 1'])
})

test('an answer about sessions that end with the process waits for nothing', () => {
  const { gate, events } = open()

  gate.whenDurable(() => events.push('answered'))

  assert.deepEqual(events, ['answered'])
  assert.equal(gate.keepsSessions, false)
})

test('an answer about sessions that are kept waits for the cycle of their last change', () => {
  const { gate, events, recorder } = openWithSessions()
  recorder.begin({ clientId: 'a client' })

  gate.whenDurable(() => events.push('answered'))
  gate.committed(2)
  const early = [...events]
  gate.committed(3)

  assert.deepEqual(early, [])
  assert.deepEqual(events, ['answered'])
})

test('an answer goes out after a cycle that failed as well: the change can’t become durable', () => {
  const { gate, events, recorder } = openWithSessions()
  recorder.begin({ clientId: 'a client' })
  gate.whenDurable(() => events.push('answered'))

  gate.failed(3, FULL)

  assert.deepEqual(events, ['lost 3', 'answered'])
})

test('acknowledgements of a cycle go out before answers, and deferred packets go on last', () => {
  const { gate, events, recorder, reader } = openWithSessions()
  recorder.begin({ clientId: 'a client' })
  gate.resumeLater(reader('r'))
  gate.whenDurable(() => events.push('answered'))
  gate.addAckWaiter(new Acks('a', events, 3))

  gate.committed(3)

  assert.deepEqual(events, ['a flushes 3', 'answered', 'r resumes'])
})

test('readers resume in turn, until the intake is saturated again', () => {
  const { gate, events, intake, reader } = open()
  const first = reader('first', true)
  gate.resumeLater(first)
  gate.resumeLater(reader('second'))

  gate.committed(0)
  gate.resumeLater(first)
  const afterFirstCycle = [...events]
  intake.isSaturated = false
  gate.committed(1)

  assert.deepEqual(afterFirstCycle, ['first resumes'])
  assert.deepEqual(events, ['first resumes', 'second resumes', 'first resumes'])
})

test('a reader whose connection has ended is not resumed', () => {
  const { gate, events, reader } = open()
  const gone = reader('gone')
  gate.resumeLater(gone)

  gate.removeReader(gone)
  gate.committed(0)

  assert.deepEqual(events, [])
})

test('after stop acknowledgements still go out', () => {
  const { gate, events } = open()
  gate.addAckWaiter(new Acks('a', events, 0))

  gate.stop()
  gate.committed(0)

  assert.equal(gate.isStopped, true)
  assert.deepEqual(events, ['a flushes 0'])
})
