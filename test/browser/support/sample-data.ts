/** A connector's figures in the middle of a working day: two destinations, one of them away. */
import type { ChannelDetail, ChannelRow, FieldList } from '../../../src/http/api/shapes/channels.ts'
import type {
  DestinationDetail,
  DestinationList,
} from '../../../src/http/api/shapes/destinations.ts'
import type { TailMessage } from '../../../src/http/api/shapes/messages.ts'
import type {
  DestinationSummary,
  History,
  Overview,
} from '../../../src/http/api/shapes/overview.ts'

const HOUR_S = 3600

export function isoAt(now: number, secondsAgo = 0): string {
  return new Date(now - secondsAgo * 1000).toISOString()
}

export function channelRow(name: string, changes: Partial<ChannelRow> = {}): ChannelRow {
  const idle = { in: 0, out: 0, waiting: 0, inFlight: 0, lost: 0 }
  return { name, ...idle, oldestAt: null, outageLeftSeconds: null, fault: null, ...changes }
}

export function sampleChannels(now: number): ChannelRow[] {
  return [
    channelRow('line_1', {
      in: 1100.4,
      waiting: 9_412_331,
      oldestAt: isoAt(now, 7_800),
      outageLeftSeconds: 41 * HOUR_S,
    }),
    channelRow('alarms', { in: 4, out: 4, outageLeftSeconds: 900 * HOUR_S }),
    channelRow('line_2', { in: 98.2, out: 98.2, waiting: 12, lost: 312 }),
    channelRow('energy_meters', { in: 41.7, out: 41.7, outageLeftSeconds: 310 * HOUR_S }),
    channelRow('compressors', { in: 12, out: 12, outageLeftSeconds: 420 * HOUR_S }),
    channelRow('doors', { in: 0.2, out: 0.2 }),
    channelRow('office_climate'),
  ]
}

export function sampleDestinations(now: number): DestinationSummary[] {
  return [
    {
      name: 'aws',
      kind: 'iotAnalytics',
      state: 'retrying',
      since: isoAt(now, 7_800),
      nextAttemptAt: isoAt(now, -14),
      lastSuccessAt: isoAt(now, 7_805),
      out: 0,
      waiting: 9_412_343,
      error: 'ConnectionRefused',
      error_message: 'connection refused 10.1.0.4:443',
    },
    {
      name: 'archive',
      kind: 's3',
      state: 'working',
      since: isoAt(now, 90_000),
      nextAttemptAt: null,
      lastSuccessAt: isoAt(now, 2),
      out: 1203,
      waiting: 40,
      error: null,
      error_message: null,
    },
  ]
}

export function sampleOverview(now: number): Overview {
  const channels = sampleChannels(now)
  return {
    now: isoAt(now),
    instance: 'box-7',
    version: '0.1.0',
    startedAt: isoAt(now, 12 * 86_400),
    verdict: {
      level: 'warning',
      text: 'aws away for 2 h 10 min',
      summary: 'aws away for 2 h 10 min. Nothing is lost. 41 h left until storage.maxBytes.',
      since: isoAt(now, 7_800),
      problems: [
        'aws doesn’t take messages of 1 channel: connect ECONNREFUSED 10.1.0.4:443. Nothing listens there: start the server, or correct destinations[0].iotAnalytics.endpoint',
      ],
    },
    ready: true,
    rates: { in: 1202.6, stored: 1202.6, delivered: 0 },
    received: 40_123_331,
    waiting: { messages: 9_412_343, oldestAt: isoAt(now, 7_800), goneInSeconds: null },
    outageLeft: { seconds: 41 * HOUR_S, bound: 'storage.maxBytes', channel: 'line_1' },
    lost: { hour: 0, total: 312, code: 'QueueFull' },
    deadLetters: 3,
    disk: {
      bytes: 1_940_000_000,
      maxBytes: 4_000_000_000,
      historyBytes: 700_000_000,
      freeBytes: 21_000_000_000,
    },
    memory: { bytes: 96_000_000, maxBytes: 512_000_000, rssBytes: 164_000_000 },
    sources: [
      {
        name: 'mqttServer',
        description: 'MQTT server on mqtt://127.0.0.1:1883',
        state: 'listening',
        since: isoAt(now, 12 * 86_400),
        clients: 212,
        in: 1104.4,
      },
      {
        name: 'broker',
        description: 'MQTT client of mqtt://10.0.0.2:1883',
        state: 'connected',
        since: isoAt(now, 50_000),
        clients: null,
        in: 98.2,
      },
    ],
    channels,
    channelCount: 35,
    destinations: sampleDestinations(now),
    lastRefusal: null,
  }
}

/** Nothing has come yet, and nobody has been able to connect. */
export function emptyOverview(now: number): Overview {
  const full = sampleOverview(now)
  return {
    ...full,
    startedAt: isoAt(now, 60),
    verdict: {
      level: 'ok',
      text: 'running',
      summary: 'Everything works.',
      since: isoAt(now, 60),
      problems: [],
    },
    ready: true,
    rates: { in: 0, stored: 0, delivered: 0 },
    received: 0,
    waiting: { messages: 0, oldestAt: null, goneInSeconds: null },
    outageLeft: null,
    lost: { hour: 0, total: 0, code: null },
    deadLetters: 0,
    disk: { ...full.disk, bytes: 67_108_864, historyBytes: 0 },
    memory: { ...full.memory, bytes: 2_000 },
    sources: full.sources
      .slice(0, 1)
      .map((source) => ({ ...source, clients: 0, in: 0, since: isoAt(now, 60) })),
    channels: [],
    channelCount: 0,
    destinations: [],
    lastRefusal: { at: isoAt(now, 12), who: '10.0.0.7', reason: 'user unknown' },
  }
}

export function sampleHistory(now: number): History {
  const points = Array.from({ length: 360 }, (_, index) => index)
  const wave = points.map(
    (index) => 1100 + 100 * Math.sin(index / 9) + (index % 37 === 0 ? 400 : 0),
  )
  return {
    stepSeconds: 10,
    from: isoAt(now, 3590),
    in: wave,
    stored: wave,
    delivered: wave.map((rate, index) => (index < 120 ? rate : 0)),
    waiting: points.map((index) => Math.max(0, index - 120) * 11_000),
  }
}

export function sampleDestinationList(now: number): DestinationList {
  const details = sampleDestinations(now).map((summary): DestinationDetail => {
    const isAway = summary.state === 'retrying'
    return {
      ...summary,
      description: isAway ? 'AWS IoT Analytics in eu-central-1' : 'bucket measurements',
      isPrimary: isAway,
      attempts: isAway ? 37 : 0,
      lastRejectedAt: null,
      rejectedInARow: 0,
      oldestWaitingAt: isoAt(now, isAway ? 7_800 : 3),
      unansweredSince: null,
      advice: isAway
        ? 'Nothing listens there: is the endpoint right, does a firewall or a proxy stand between?'
        : null,
      answers: isAway ? null : { p50: 0.041, p99: 0.18 },
      delivered: isAway ? 30_710_673 : 40_122_979,
      rejected: 3,
      dropped: 312,
      expired: 0,
      channels: [
        {
          channel: 'line_1',
          waiting: isAway ? 9_412_331 : 40,
          oldestAt: isoAt(now, isAway ? 7_800 : 3),
          nextAttemptAt: isAway ? isoAt(now, -14) : null,
          attempts: isAway ? 37 : 0,
        },
      ],
      channelCount: 1,
    }
  })
  return { now: isoAt(now), destinations: details }
}

export function sampleChannelDetail(now: number, name: string): ChannelDetail {
  const row = sampleChannels(now).find((one) => one.name === name) ?? channelRow(name)
  return {
    ...row,
    received: 31_204_331,
    delivered: 21_791_685,
    bytes: 1_210_000_000,
    firstOffset: 21_792_000,
    endOffset: 31_204_331,
    firstReceivedAt: isoAt(now, 7 * 86_400),
    outageLeft: { seconds: 41 * HOUR_S, bound: 'storage.maxBytes', channel: name },
    losses: { QueueFull: 312, rejected: 3 },
    destinations: [
      { name: 'aws', waiting: row.waiting, oldestAt: row.oldestAt, state: 'retrying' },
      { name: 'archive', waiting: 40, oldestAt: isoAt(now, 3), state: 'working' },
    ],
    settings: [
      { path: 'storage.durability', value: 'fsync', from: 'default' },
      { path: 'channels.line_1.keep', value: '7d', from: 'connector.yaml:12' },
    ],
  }
}

export function sampleFields(): FieldList {
  return {
    messages: 1000,
    fields: [
      { path: 'temp', types: ['number'], present: 1000, min: 19, max: 31.4, examples: ['23.3'] },
      { path: 'rpm', types: ['number'], present: 990, min: 0, max: 1450, examples: ['1450'] },
      {
        path: 'state',
        types: ['text'],
        present: 120,
        min: null,
        max: null,
        examples: ['run', 'stop'],
      },
    ],
  }
}

export function sampleMessage(now: number, offset: number): TailMessage {
  const temp = 23 + Math.round(80 * Math.sin(offset / 5)) / 10
  return {
    offset,
    receivedAt: isoAt(now),
    topic: 'factory/line1/temp',
    id: `req${offset}`,
    messageId: `req${offset}`,
    payload: JSON.stringify({ temp, rpm: 1450 + (offset % 7), state: 'run' }),
  }
}
