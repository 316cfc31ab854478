import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventConnection, type LinkState, Stream } from '../../../dashboard/live/stream.ts'

class FakeConnection implements EventConnection {
  onEvent: EventConnection['onEvent'] = () => {}
  onEnd: EventConnection['onEnd'] = () => {}
  isClosed = false
  readonly topics: string

  constructor(topics: readonly string[]) {
    this.topics = topics.join(',')
  }

  close(): void {
    this.isClosed = true
  }
}

function rig() {
  const connections: FakeConnection[] = []
  const states: LinkState[] = []
  const events: string[] = []
  let timer: { readonly delayMs: number; readonly call: () => void } | undefined
  const stream = new Stream({
    open(topics) {
      const connection = new FakeConnection(topics)
      connections.push(connection)
      return connection
    },
    onEvent: (name) => events.push(name),
    onState: (state) => states.push(state),
    after(delayMs, call) {
      const mine = { delayMs, call }
      timer = mine
      return () => {
        if (timer === mine) timer = undefined
      }
    },
  })
  return {
    stream,
    connections,
    states,
    events,
    last: () => connections.at(-1)!,
    open: () => connections.filter(({ isClosed }) => !isClosed).length,
    /** How long until the timer that runs. */
    delay: () => timer?.delayMs,
    elapse: () => timer?.call(),
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('all topics share one connection, and a change of page makes one new one', async () => {
  const { stream, connections, open, last } = rig()
  stream.want('overview')
  const leave = stream.want('channels')
  await nextTurn()

  leave()
  stream.want('destinations')
  await nextTurn()

  assert.deepEqual(
    connections.map(({ topics }) => topics),
    ['channels,overview', 'destinations,overview'],
  )
  assert.equal(open(), 1)
  leave()
  await nextTurn()
  assert.equal(last().topics, 'destinations,overview')
})

test('a topic that two parts of a page want stays until both have gone', async () => {
  const { stream, last } = rig()
  const first = stream.want('channels')
  const second = stream.want('channels')
  stream.want('overview')
  await nextTurn()

  first()
  await nextTurn()
  assert.equal(last().topics, 'channels,overview')
  second()
  await nextTurn()

  assert.equal(last().topics, 'overview')
})

test('after an end it connects again, each time later, up to 15 s', async () => {
  const { stream, last, states, delay, elapse } = rig()
  stream.want('overview')
  await nextTurn()
  const delays: (number | undefined)[] = []

  for (let attempt = 0; attempt < 6; attempt++) {
    last().onEnd()
    delays.push(delay())
    elapse()
  }

  assert.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  assert.equal(states.at(-1), 'lost')
  last().onEvent('hello', '{}')
  assert.equal(states.at(-1), 'live')
  last().onEnd()
  assert.equal(delay(), 1_000)
})

test('a connection that is silent is given up', async () => {
  const { stream, connections, states, delay, elapse } = rig()
  stream.want('overview')
  await nextTurn()
  connections[0]!.onEvent('hello', '{}')

  assert.equal(delay(), 8_000)
  elapse()

  assert.equal(states.at(-1), 'lost')
  assert.ok(connections[0]!.isClosed)
})

test('a connection that is over says nothing any more', async () => {
  const { stream, connections, events, states } = rig()
  stream.want('overview')
  await nextTurn()
  const [first] = connections
  stream.want('channels')
  await nextTurn()

  first!.onEvent('overview', '{}')
  first!.onEnd()

  assert.deepEqual(events, [])
  assert.ok(!states.includes('lost'))
})

test('a hidden tab has no connection, and no timer that makes one', async () => {
  const { stream, open, states, delay } = rig()
  stream.want('overview')
  await nextTurn()

  stream.setHidden(true)
  stream.want('channels')
  await nextTurn()

  assert.equal(open(), 0)
  assert.equal(delay(), undefined)
  assert.equal(states.at(-1), 'paused')
  stream.setHidden(false)
  assert.equal(open(), 1)
})
