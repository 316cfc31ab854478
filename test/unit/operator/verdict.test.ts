/** How the connector is doing, from evidence. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DestinationHealth } from '../../../src/http/views/destinations-view.ts'
import { type Evidence, findings } from '../../../src/operator/verdict.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const NO_LOSSES = {
  dropped: {},
  droppedForOthers: [],
  withheld: {},
  deadLettersLost: 0,
  outcomes: [],
}

function verdictOf(change: Partial<Evidence>) {
  const found = findings({
    nowMs: NOW,
    behindAfterMs: () => 61_000,
    limitsMet: [],
    fullChannels: [],
    store: { state: 'ok' },
    losses: NO_LOSSES,
    setAside: [],
    sources: [],
    destinations: [],
    ...change,
  })
  return found.map(({ level, verdict, problem = '' }) => [level, verdict, problem].join(' | '))
}

function destination(
  state: DestinationHealth['state'],
  since: string | null,
  change: Partial<DestinationHealth> = {},
): DestinationHealth {
  return {
    name: 'iotAnalytics',
    state,
    lastSuccessAt: null,
    lastRejectedAt: null,
    rejectedInARow: 0,
    oldestWaitingAt: null,
    unansweredSince: null,
    since,
    attempts: 3,
    nextAttemptAt: null,
    error: null,
    error_message: null,
    retryingChannels: 1,
    channels: [],
    ...change,
  }
}

test('nothing is found while all is well', () => {
  assert.deepEqual(verdictOf({ destinations: [destination('working', null)] }), [])
})

test('storage that fails and a channel that is set aside are critical', () => {
  assert.deepEqual(verdictOf({ store: { state: 'full' }, setAside: ['pumps'] }), [
    'critical | storage full | ',
    'critical | channel pumps fails | ',
  ])
  assert.deepEqual(verdictOf({ setAside: ['a', 'b'] }), ['critical | 2 channels fail | '])
})

test('messages that were dropped in the last minute are critical, with the reasons', () => {
  const dropped = { StorageFull: 1_961, QueueFull: 1 }

  assert.deepEqual(verdictOf({ losses: { ...NO_LOSSES, dropped } }), [
    'critical | losing messages | 1,962 messages were refused or dropped in the last minute (StorageFull: 1,961, QueueFull: 1).',
  ])
})

test('messages that their senders must correct do not make the connector unwell', () => {
  const dropped = { InvalidMessage: 5, NotAuthorized: 1, InvalidChannelName: 2 }

  assert.deepEqual(verdictOf({ losses: { ...NO_LOSSES, dropped } }), [])
})

test('a destination that rejects everything is critical until it accepts a message, and one that rejects some is a warning', () => {
  const rejecting = { rejectedInARow: 12_000, lastRejectedAt: '2026-01-01T10:00:00.000Z' }
  const lastSuccessAt = '2026-01-01T09:00:00.000Z'
  const outcomes = [{ destination: 'iotAnalytics', delivered: 3, rejected: 1 }]
  const rejected = (change: Partial<DestinationHealth>, losses = {}) =>
    verdictOf({
      destinations: [destination('working', null, change)],
      losses: { ...NO_LOSSES, ...losses },
    })

  assert.deepEqual(rejected(rejecting), [
    'critical | iotAnalytics rejects messages | iotAnalytics rejected the last 12,000 messages, and has accepted none since the start. See dead-letters for the reasons.',
  ])
  assert.match(
    rejected({ ...rejecting, lastSuccessAt })[0] ?? '',
    /^critical .* accepted none since 2026-01-01T09:00:00.000Z\./,
  )
  assert.match(
    rejected({ ...rejecting, rejectedInARow: 1, lastSuccessAt: '2026-01-01T09:59:59.000Z' })[0] ??
      '',
    /^warning .* rejected the last message, /,
  )
  assert.match(
    rejected({ lastSuccessAt }, { outcomes })[0] ?? '',
    /^warning .* rejected 1 in the last minute and accepted 3\./,
  )
})

test('a limit that still has no room is critical, however long ago it refused a message', () => {
  assert.deepEqual(
    verdictOf({ limitsMet: ['StorageFull', 'QueueFull'], fullChannels: ['pumps'] }),
    [
      'critical | full: storage.maxBytes | Storage has no room for new messages: they are refused until a destination takes some (storage.maxBytes).',
      'critical | full: IotAnalyticsQueueSizePerChannel | Channel pumps is full: each new message is refused or takes the place of an older one, until a destination takes some (IotAnalyticsQueueSizePerChannel).',
    ],
  )
  assert.match(verdictOf({ limitsMet: ['MemoryFull'] })[0] ?? '', /full: MemorySize/)
  assert.match(
    verdictOf({ limitsMet: ['ActiveChannelLimit'] })[0] ?? '',
    /full: IotAnalyticsMaxActiveChannels/,
  )
  assert.match(
    verdictOf({ limitsMet: ['QueueFull'], fullChannels: ['a', 'b'] })[0] ?? '',
    /2 channels are full/,
  )
})

test('what a further destination missed is named apart from what was lost', () => {
  const droppedForOthers = [{ destination: 'archive', dropped: { QueueFull: 5 } }]

  assert.deepEqual(verdictOf({ losses: { ...NO_LOSSES, droppedForOthers } }), [
    'critical | losing messages | 5 messages were dropped in the last minute before archive got them (QueueFull: 5).',
  ])
})

test('a destination that is behind, or has not answered for seconds, is a warning with the time', () => {
  const oldestWaitingAt = '2026-01-01T11:40:00.000Z'
  const behind = destination('working', null, { oldestWaitingAt })
  const inTime = destination('working', null, { oldestWaitingAt: '2026-01-01T11:59:00.000Z' })
  const hanging = destination('working', null, { unansweredSince: '2026-01-01T11:59:48.000Z' })
  const away = destination('retrying', '2026-01-01T09:00:00.000Z', { oldestWaitingAt })

  assert.deepEqual(verdictOf({ destinations: [behind] }), [
    'warning | iotAnalytics behind by 20 min | The oldest message for iotAnalytics has waited for 20 min.',
  ])
  assert.deepEqual(verdictOf({ destinations: [inTime] }), [])
  assert.deepEqual(verdictOf({ destinations: [hanging] }), [
    'warning | iotAnalytics: no result for 12 s | A batch sent to iotAnalytics 12 s ago has no result yet. Its messages are kept.',
  ])
  assert.deepEqual(verdictOf({ destinations: [away] }), [
    'warning | iotAnalytics away for 3 h | The oldest message for iotAnalytics has waited for 20 min.',
  ])
})

test('dead letters that were given up are critical', () => {
  const [found] = verdictOf({ losses: { ...NO_LOSSES, deadLettersLost: 2_000 } })

  assert.match(found ?? '', /^critical \| losing dead letters \| 2,000 dead letters were given up/)
})

test('a destination or a broker that is away is a warning that says for how long, after all that is critical', () => {
  const since = '2026-01-01T11:59:30.000Z'
  const health = { name: 'mqttClient', state: 'disconnected', since } as const
  const sources = [{ health, problem: 'away' }]
  const destinations = [destination('retrying', '2026-01-01T09:00:00.000Z')]

  assert.deepEqual(verdictOf({ sources, destinations, setAside: ['pumps'] }), [
    'critical | channel pumps fails | ',
    'warning | iotAnalytics away for 3 h | ',
    'warning | mqttClient disconnected for 30 s | ',
  ])
})

test('messages that stay with their senders because they cannot be stored are critical', () => {
  const withheld = { StorageFull: 1_200 }

  assert.deepEqual(verdictOf({ losses: { ...NO_LOSSES, withheld } }), [
    'critical | new messages are refused | New messages were not accepted in the last minute (StorageFull: 1,200). Their senders keep them and offer them again.',
  ])
})

test('a source that is connected and has a problem is a warning', () => {
  const health = {
    name: 'mqttClient',
    state: 'connected',
    since: '2026-01-01T11:00:00.000Z',
  } as const

  assert.deepEqual(verdictOf({ sources: [{ health, problem: 'QoS 0 granted' }] }), [
    'warning | mqttClient has a problem | ',
  ])
})
