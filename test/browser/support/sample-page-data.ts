/** Made-up figures for the pages of messages, queries, clients, the ledger and settings. */
import type { ClientList, ClientRow } from '../../../src/http/api/shapes/clients.ts'
import type { Account, Ledger } from '../../../src/http/api/shapes/ledger.ts'
import type { DeadLetter, Story } from '../../../src/http/api/shapes/messages.ts'
import type { TableList } from '../../../src/http/api/shapes/query.ts'
import type { Setting, Settings } from '../../../src/http/api/shapes/settings.ts'
import { isoAt } from './sample-data.ts'

export function sampleDeadLetters(now: number): DeadLetter[] {
  const letter = (offset: number, changes: Partial<DeadLetter>): DeadLetter => ({
    offset,
    keptAt: isoAt(now, 3600 - offset),
    channel: 'line_1',
    destination: 'aws',
    error: 'ResourceNotFoundException',
    error_message: 'there is no channel line_1 in eu-central-1',
    topic: 'iotanalytics/channels/line_1/messages/put',
    receivedAt: isoAt(now, 3700 - offset),
    id: `req${offset}`,
    messageId: `ab12cd34-${offset}`,
    payload: '{"temp":23.3,"rpm":1450}',
    ...changes,
  })
  return [
    letter(4, {}),
    letter(7, { channel: 'alarms', payload: '{"alarm":"door","level":2}' }),
    letter(8, {}),
    {
      offset: 12,
      keptAt: isoAt(now, 60),
      channel: 'office_climate',
      error: 'InvalidMessage',
      error_message: 'expected {"request":{"message":"…"},"id":"…"}, got text',
      topic: 'iotanalytics/channels/office_climate/messages/put',
      receivedAt: isoAt(now, 60),
      payload: 'temp=23',
    },
  ]
}

export function sampleStory(id: string, now: number): Story {
  if (id === 'nothing') {
    return {
      id,
      messages: [],
      notes: [
        'The search covered the newest 120000 stored messages, which is its limit; an older one would not be found.',
      ],
    }
  }
  return {
    id,
    messages: [
      {
        channel: 'line_1',
        offset: 1_000,
        steps: [
          {
            at: isoAt(now, 10),
            kind: 'came',
            text: 'Received from sensor-7 on topic iotanalytics/channels/line_1/messages/put.',
          },
          { at: isoAt(now, 9.997), kind: 'stored', text: 'On disk; PUBACK sent.' },
          {
            at: isoAt(now, 8.8),
            kind: 'sent',
            text: 'aws: batch of 100, attempt 1: ThrottlingException, again in 2 s.',
          },
          { at: isoAt(now, 6.7), kind: 'delivered', text: 'aws: accepted, attempt 2.' },
          { at: null, kind: 'receipt', text: 'Receipt “success” to sensor-7.' },
          { at: null, kind: 'waiting', text: 'archive: waiting behind 40 others.' },
        ],
      },
    ],
    notes: ['Attempts before the last start of the connector are not remembered.'],
  }
}

export function sampleTables(): TableList {
  const columns = [
    { name: 'offset', type: 'BIGINT' },
    { name: 'arrival_time', type: 'TIMESTAMP' },
    { name: 'topic', type: 'VARCHAR' },
    { name: 'payload', type: 'BLOB' },
    { name: 'temp', type: 'DOUBLE' },
    { name: 'rpm', type: 'BIGINT' },
  ]
  return {
    tables: [
      { name: 'line_1', kind: 'channel', columns, rows: 31_204_331 },
      { name: 'alarms', kind: 'channel', columns: columns.slice(0, 4), rows: 4_100 },
      { name: 'daily_means', kind: 'datastore', columns: null, rows: null },
    ],
    next: null,
  }
}

/** A row for each minute of the last two hours. */
export function sampleRows(now: number, count = 120): string[] {
  return Array.from({ length: count }, (_, index) => {
    const minute = isoAt(now, (count - index) * 60).slice(0, -1)
    const temp = (23 + 8 * Math.sin(index / 9)).toFixed(2)
    const rpm = 1450 + (index % 7)
    return `{"minute":"${minute}","temp":${temp},"rpm":${rpm},"state":"run","big":9007199254740993}`
  })
}

export function sampleClients(now: number): ClientList {
  const row = (clientId: string, changes: Partial<ClientRow> = {}): ClientRow => ({
    clientId,
    user: null,
    address: '10.0.0.21:51044',
    transport: 'mqtt',
    protocol: 'MQTT 5',
    since: isoAt(now, 7_200),
    in: 0,
    received: 0,
    lastTopic: null,
    lastMessageAt: null,
    subscriptions: 0,
    ...changes,
  })
  return {
    now: isoAt(now),
    clients: [
      row('sensor-7', {
        user: 'line1',
        in: 1002.3,
        received: 31_100_210,
        lastTopic: 'factory/line1/temp',
        lastMessageAt: isoAt(now, 0.2),
        transport: 'mqtts',
      }),
      row('plc-2', {
        in: 98.2,
        received: 100_121,
        lastTopic: 'factory/line2/rpm',
        lastMessageAt: isoAt(now, 0.5),
        protocol: 'MQTT 3.1.1',
      }),
      row('panel', { user: 'office', subscriptions: 4, transport: 'ws' }),
    ],
    clientCount: 3,
    refused: [
      {
        at: isoAt(now, 12),
        who: 'sensor-9 from 10.0.0.7',
        reason: 'the password is wrong',
        times: 41,
      },
      { at: isoAt(now, 600), who: '10.0.0.8', reason: 'no MQTT: GET / HTTP/1.1', times: 1 },
    ],
  }
}

/** Before the first message. */
export function emptyLedger(now: number): Ledger {
  const nothing = { received: 0, delivered: 0, rejected: 0, dropped: {}, waiting: 0, inFlight: 0 }
  return { now: isoAt(now), total: account(nothing), destinations: [], channels: [] }
}

export function account(changes: Partial<Account> = {}): Account {
  const figures = {
    received: 1_204_331,
    delivered: 1_190_002,
    rejected: 3,
    dropped: { QueueFull: 312 },
    expired: 0,
    waiting: 14_000,
    inFlight: 14,
    ...changes,
  }
  const dropped = Object.values(figures.dropped).reduce((sum, count) => sum + count, 0)
  const { received, delivered, rejected, expired, waiting, inFlight } = figures
  const difference = received - delivered - rejected - dropped - expired - waiting - inFlight
  return { ...figures, difference }
}

export function sampleLedger(now: number): Ledger {
  return {
    now: isoAt(now),
    total: account(),
    destinations: [
      {
        destination: 'archive',
        ...account({ delivered: 1_204_271, dropped: {}, rejected: 0, waiting: 60, inFlight: 0 }),
      },
    ],
    channels: [
      { channel: 'line_1', ...account({ received: 1_104_331, delivered: 1_090_002 }) },
      {
        channel: 'line_2',
        ...account({
          received: 100_000,
          delivered: 100_000,
          rejected: 0,
          dropped: {},
          waiting: 0,
          inFlight: 0,
        }),
      },
    ],
  }
}

export function sampleSettings(): Settings {
  const setting = (path: string, value: unknown, from = 'default'): Setting => ({
    path,
    keys: (path.match(/\w+/g) ?? []).map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
    value,
    from,
    isDefault: from === 'default',
    description: null,
  })
  return {
    files: ['/etc/iot-analytics-connector/connector.yaml'],
    settings: [
      {
        ...setting('storage.maxBytes', '4GB', 'connector.yaml:12'),
        description: 'Bytes that the data directory may have.',
      },
      setting('storage.durability', 'fsync'),
      setting('http.port', 8090),
      setting('http.host', '0.0.0.0', 'IOT_ANALYTICS_CONNECTOR__HTTP__HOST'),
      setting('destinations[0].name', 'aws', 'connector.yaml:21'),
      setting('destinations[0].iotAnalytics.region', 'eu-central-1', 'connector.yaml:23'),
      setting('destinations[0].iotAnalytics.secretAccessKey', '********', 'connector.yaml:25'),
      setting('sources.mqttServer.enabled', true),
    ],
  }
}
