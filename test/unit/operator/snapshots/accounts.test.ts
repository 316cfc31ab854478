import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelLedger } from '../../../../src/channels/ledger/ledger.ts'
import { ledger } from '../../../../src/http/api/shapes/ledger.ts'
import { ledgerOf } from '../../../../src/operator/snapshots/accounts.ts'

const ROW: ChannelLedger = {
  channel: 'pumps',
  received: 20,
  delivered: 10,
  rejected: 1,
  dropped: { QueueFull: 2, StorageFull: 0 },
  expired: 3,
  waiting: 3,
  inFlight: 1,
  bytes: 0,
  oldestWaitingAt: undefined,
  readers: {
    archive: { delivered: 16, rejected: 0, dropped: {}, expired: 0, waiting: 2, inFlight: 0 },
  },
}

test('the sums of all channels and of each further destination add up, or say by how much they do not', () => {
  const messagesFor = () => 19
  const wrong = { ...ROW, channel: 'valves', received: 21 }

  const answer = ledger.parse(ledgerOf([ROW, wrong], messagesFor, 0))

  assert.equal(answer.total.received, 41)
  assert.equal(answer.total.difference, 1)
  assert.deepEqual(answer.total.dropped, { QueueFull: 4 })
  assert.deepEqual(
    answer.channels.map(({ channel, difference }) => [channel, difference]),
    [
      ['pumps', 0],
      ['valves', 1],
    ],
  )
  assert.deepEqual([answer.destinations[0]?.received, answer.destinations[0]?.difference], [38, 2])
})
