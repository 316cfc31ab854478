/** Work that no client waits for: wills and replies go out in turns, in their order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { silentObserver } from '../../../../../src/observer.ts'
import { Broker } from '../../../../../src/sources/mqtt-server/broker/broker.ts'
import { MqttReceiptOutlet } from '../../../../../src/sources/mqtt-server/broker/receipt-outlet.ts'
import { ServerReports } from '../../../../../src/sources/mqtt-server/broker/server-reports.ts'
import { DEFAULT_LIMITS } from '../../../../../src/sources/mqtt-server/limits/limits.ts'
import { LoopTurns } from '../../../../../src/sources/mqtt-server/limits/loop-turns.ts'
import { WORK_OF_ALL_A_TURN } from '../../../../../src/sources/mqtt-server/limits/work.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { RecordingIntake } from '../../../../support/mqtt/recording-intake.ts'

const OPTIONS = { qos: 0, noLocal: false, retainAsPublished: false, identifier: undefined } as const

function open() {
  const turns = new LoopTurns()
  let droppedReceipts = 0
  const observer = {
    ...silentObserver,
    receiptsDropped: (_source: string, count: number) => {
      droppedReceipts += count
    },
  }
  const reports = new ServerReports(observer, 'mqttServer')
  const broker = new Broker({
    intake: new RecordingIntake(),
    limits: DEFAULT_LIMITS,
    clock: new ManualClock(),
    reports,
    protectedTopics: [],
    turns,
  })
  const outlet = new MqttReceiptOutlet(reports)
  outlet.open(broker)
  const received: string[] = []
  const subscriber = {
    isOnline: true,
    isKept: false,
    deliver: ({ payload }: { payload: Buffer }) => {
      received.push(payload.toString())
    },
  }
  broker.subscriptions.add(subscriber, '#', OPTIONS)
  return { turns, broker, outlet, received, dropped: () => droppedReceipts }
}

test('a call is made at once, or in a later turn if this one is spent', async () => {
  const { turns, broker } = open()
  const calls: string[] = []

  broker.inTurn(() => calls.push('at once'))
  turns.spend(WORK_OF_ALL_A_TURN)
  broker.inTurn(() => calls.push('first'))
  broker.inTurn(() => calls.push('second'))
  const before = [...calls]
  await nextTurn()
  await nextTurn()

  assert.deepEqual(before, ['at once'])
  assert.deepEqual(calls, ['at once', 'first', 'second'])
})

test('calls that cost much are spread over turns', async () => {
  const { turns, broker } = open()
  let called = 0
  turns.spend(WORK_OF_ALL_A_TURN)
  for (let i = 0; i < 3; i++) {
    broker.inTurn(() => {
      broker.work.done += WORK_OF_ALL_A_TURN
      called++
    })
  }

  const perTurn: number[] = []
  for (let i = 0; i < 4; i++) {
    await nextTurn()
    perTurn.push(called)
  }

  assert.ok(
    perTurn.every((count, i) => count <= i + 1),
    `${perTurn}`,
  )
  assert.equal(called, 3)
})

test('a bounded number of replies waits for a turn, and the others are counted', async () => {
  const { turns, outlet, received, dropped } = open()
  turns.spend(WORK_OF_ALL_A_TURN)

  for (let i = 0; i < 1_200; i++) {
    outlet.reply({ topic: `replies/${i}`, correlation: undefined }, Buffer.from(`${i}`))
  }
  const before = received.length
  for (let i = 0; i < 100 && received.length < 1_000; i++) await nextTurn()

  assert.equal(before, 0)
  assert.equal(dropped(), 200)
  assert.deepEqual(received.slice(0, 3), ['0', '1', '2'])
})
