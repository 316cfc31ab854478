/** How the connector is doing, from evidence. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DestinationHealth } from '../../../src/http/views/destinations-view.ts'
import { type Evidence, findings } from '../../../src/operator/verdict.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const NO_LOSSES = { dropped: {}, withheld: {}, deadLettersLost: 0, outcomes: [] }

function verdictOf(change: Partial<Evidence>) {
  const found = findings({
    nowMs: NOW,
    store: { state: 'ok' },
    losses: NO_LOSSES,
    setAside: [],
    sources: [],
    destinations: [],
    ...change,
  })
  return found.map(({ level, verdict, problem = '' }) => [level, verdict, problem].join(' | '))
}

function destination(state: DestinationHealth['state'], since: string | null): DestinationHealth {
  const last = { lastSuccessAt: null, attempts: 3, nextAttemptAt: null, error: null }
  const channels = { retryingChannels: 1, channels: [] }
  return { name: 'iotAnalytics', state, since, ...last, ...channels, error_message: null }
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

test('a destination that rejects everything is critical, and one that rejects some is a warning', () => {
  const outcome = { destination: 'iotAnalytics', delivered: 0, rejected: 12_000 }
  const all = verdictOf({ losses: { ...NO_LOSSES, outcomes: [outcome] } })
  const some = verdictOf({ losses: { ...NO_LOSSES, outcomes: [{ ...outcome, delivered: 3 }] } })

  assert.deepEqual(all, [
    'critical | iotAnalytics rejects messages | iotAnalytics rejected 12,000 in the last minute and accepted none. See dead-letters for the reasons.',
  ])
  assert.match(some[0] ?? '', /^warning .* accepted 3\./)
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
