/** Figures of a connector with one channel, in the shapes of the operator's API. */
import type { ChannelRow } from '../../../src/http/api/shapes/channels.ts'
import type { History, Overview } from '../../../src/http/api/shapes/overview.ts'
import type { Snapshot } from '../../../src/http/views/operator-view.ts'

const NOW = '2026-01-01T00:00:10.000Z'

const ROW: ChannelRow = {
  name: 'pumps',
  in: 1,
  out: 0.5,
  waiting: 1,
  inFlight: 1,
  oldestAt: null,
  outageLeftSeconds: 7300.5,
  lost: 2,
  fault: null,
}

const OVERVIEW: Overview = {
  now: NOW,
  instance: 'box',
  version: '0.0.0',
  startedAt: NOW,
  verdict: {
    level: 'ok',
    text: 'running',
    summary: 'Everything works.',
    since: NOW,
    problems: [],
  },
  ready: true,
  rates: { in: 1, stored: 1, delivered: 0.5 },
  received: 10,
  waiting: { messages: 1, oldestAt: null, goneInSeconds: null },
  outageLeft: null,
  lost: { hour: 0, total: 2, code: 'QueueFull' },
  deadLetters: 3,
  disk: { bytes: 2000, maxBytes: 4000, historyBytes: 0, freeBytes: null },
  memory: { bytes: 0, maxBytes: null, rssBytes: 1 },
  sources: [],
  channels: [ROW],
  channelCount: 1,
  destinations: [],
  lastRefusal: null,
}

const ACCOUNT = {
  received: 10,
  delivered: 6,
  rejected: 0,
  dropped: { QueueFull: 2 },
  expired: 0,
  waiting: 1,
  inFlight: 1,
  difference: 0,
}

export const SAMPLE_SNAPSHOT: Snapshot = {
  overview: OVERVIEW,
  channelTable: { now: NOW, rows: [ROW], others: null },
  destinations: { now: NOW, destinations: [] },
  ledger: {
    now: NOW,
    total: ACCOUNT,
    destinations: [],
    channels: [{ channel: 'pumps', ...ACCOUNT }],
  },
  clients: { now: NOW, clients: [], clientCount: 0, refused: [] },
}

export const SAMPLE_CHANNELS = { channels: [ROW], next: null }

export const SAMPLE_HISTORY: History = {
  stepSeconds: 10,
  from: NOW,
  in: [1],
  stored: [1],
  delivered: [0.5],
  waiting: [1],
}
