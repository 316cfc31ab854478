/**
 * The Parquet files of `analytics.tables`, as other programs read them. The scripts of
 * examples/tables run unchanged.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readTable } from '../../src/analytics/tables/table.ts'
import { channelTable, tableDirectory } from '../../src/analytics/tables/table-location.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { createConnector } from '../../src/index.ts'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { Releases } from '../support/destinations/kafka-site.ts'
import { read, skipWithoutReaders } from '../support/processes/readers.ts'
import { serverDirectory } from '../support/servers/server-process.ts'
import { until } from '../support/until.ts'

const CHANNEL = 'plant'
const DAYS = ['2026-11-05', '2026-11-06'] as const
/** The five minutes that a few rows wait are a second. */
const SPEED = 300

/** A payload, and what its row has besides the columns of every row. NULL is left out. */
type Sent = readonly [payload: string | Buffer, fields: Readonly<Record<string, unknown>>]

const FIRST_DAY: readonly Sent[] = [
  [
    '{"device":"d-1","n":1,"temp":20.5,"ok":true,"phase":{"l1":230,"name":"°"},"tags":["a",1]}',
    { device: 'd-1', n: 1, temp: 20.5, ok: true, phase_l1: 230, phase_name: '°', tags: '["a",1]' },
  ],
  [
    '{"device":"d-2","n":-7,"temp":1e3,"ok":false,"phase":{"l1":231},"tags":[]}',
    { device: 'd-2', n: -7, temp: 1000, ok: false, phase_l1: 231, tags: '[]' },
  ],
  // Of another type than the others.
  [
    '{"device":"d-3","n":2,"temp":"hot","ok":1,"phase":{"l1":232}}',
    { device: 'd-3', n: 2, phase_l1: 232, drift: 'temp,ok' },
  ],
  ['{"device":null,"n":9007199254740991}', { n: 9007199254740991 }],
  ['plain text', {}],
  [Buffer.from([0xff, 0x00, 0x01]), {}],
]
/** With a new field, and fractions where there were whole numbers. */
const SECOND_DAY: readonly Sent[] = [
  [
    '{"device":"d-1","n":0.5,"temp":21,"humidity":60.25}',
    { device: 'd-1', n: 0.5, temp: 21, humidity: 60.25 },
  ],
  ['{"device":"d-2","n":3,"temp":22}', { device: 'd-2', n: 3, temp: 22 }],
]

/** What the readers have to find, by offset. */
const EXPECTED = [FIRST_DAY, SECOND_DAY].flatMap((sent, day) =>
  sent.map(([payload, fields]) => ({
    __dt: DAYS[day],
    payload: Buffer.from(payload).toString('base64'),
    ...fields,
  })),
)

class JumpingClock implements Clock {
  #byMs = 0
  now = () => systemClock.now() + this.#byMs
  monotonic = () => systemClock.monotonic() * SPEED
  after: Clock['after'] = (delayMs, call) => systemClock.after(delayMs / SPEED, call)

  jumpTo(time: string): void {
    this.#byMs = Date.parse(time) - systemClock.now()
  }
}

/** The channel's folder, with files of both days. */
async function filledFolder(directory: string): Promise<string> {
  const clock = new JumpingClock()
  clock.jumpTo(`${DAYS[0]}T12:00:00Z`)
  const connector = await createConnector(
    {
      storage: { directory },
      sources: { mqttServer: { port: 0 } },
      http: false,
      log: { level: 'silent' },
      analytics: { tables: { retention: '20000d' } },
    },
    { clock },
  )
  await connector.start()
  try {
    for (const [day, sent] of [FIRST_DAY, SECOND_DAY].entries()) {
      clock.jumpTo(`${DAYS[day]}T12:00:00Z`)
      for (const [payload] of sent) await connector.publish(CHANNEL, payload)
      await until('the messages of the day are in a file', async () => {
        return (await readTable(directory, channelTable(CHANNEL))).files.length === day + 1
      })
    }
  } finally {
    await connector.stop()
  }
  const folder = tableDirectory(directory, channelTable(CHANNEL))
  // What a converter that is at work has there.
  await writeFile(join(folder, `__dt=${DAYS[1]}`, '.half.parquet'), 'PAR1')
  return folder
}

/** Only fields and payloads: NULL is left out, and what differs from run to run is checked here. */
function rowsOf(lines: string): Record<string, unknown>[] {
  return lines
    .trim()
    .split('\n')
    .map((line, at) => {
      const { offset, arrival_time, message_id, topic, sender_id, ...row } = JSON.parse(line)
      const dt = String(row.__dt).slice(0, 10)
      assert.equal(offset, at)
      assert.equal(String(arrival_time).slice(0, 10), dt)
      assert.match(String(message_id), new RegExp(`^[0-9a-f]{8}-${at}$`))
      assert.match(String(topic), /^iotanalytics\/channels\/plant\//)
      assert.equal(sender_id ?? '', '')
      const values = Object.entries(row).filter(([, value]) => value !== null)
      return Object.fromEntries([...values, ['__dt', dt]])
    })
}

describe('tables and their readers', { skip: WITHOUT_DUCKDB || skipWithoutReaders }, () => {
  const releases = new Releases()
  let folder = ''

  before(async () => {
    const directory = serverDirectory(releases, 'tables')
    folder = await filledFolder(directory)
  })
  after(() => releases.run())

  const readers = [
    { name: 'DuckDB', script: 'read_duckdb.py' },
    { name: 'pandas', script: 'read_pandas.py' },
    { name: 'Spark', script: 'read_spark.py', isSpark: true },
  ]
  for (const { name, script, ...how } of readers) {
    test(`${name} reads every value of every day as it was sent`, async () => {
      const lines = await read(releases, { script: `../tables/${script}`, args: [folder], ...how })

      assert.deepEqual(rowsOf(lines), EXPECTED)
    })
  }
})
