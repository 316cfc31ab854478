/** Channel → pipeline → datastore → query, with AWS's own client. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as aws from '@aws-sdk/client-iotanalytics'
import { queryOptions } from '../../src/analytics/query/options.ts'
import { openQueries } from '../../src/analytics/query/queries.ts'
import type { DatastoreRows } from '../../src/analytics/query/tables/datastore-rows.ts'
import { type ConfigInput, type Connector, createConnector } from '../../src/index.ts'
import { until } from '../support/until.ts'

const duckdb = await import('@duckdb/node-api').catch(() => undefined)
const skip = duckdb === undefined && 'DuckDB is not installed: npm install @duckdb/node-api'

const INTERVAL = '1s'
type Pipelines = NonNullable<NonNullable<ConfigInput['analytics']>['pipelines']>

interface Rig {
  readonly directory: string
  readonly client: aws.IoTAnalyticsClient
  readonly connector: Connector
  restart(): Promise<void>
  put(...payloads: object[]): Promise<void>
  /** Lines of JSON. */
  query(sql: string, options?: QueryChange): Promise<Record<string, unknown>[]>
  /** A datastore, and a pipeline from the channel `press`. */
  define(activities: readonly aws.PipelineActivity[], datastore?: object): Promise<void>
  update(activities: readonly aws.PipelineActivity[]): Promise<void>
}

interface QueryChange {
  readonly dialect?: 'athena'
  readonly datastoreRows?: DatastoreRows
}

const PIPELINE = 'clean'

function chainOf(activities: readonly aws.PipelineActivity[]): aws.PipelineActivity[] {
  const names = activities.map((one) => Object.values(one)[0].name as string)
  const linked = activities.map((one, at) => {
    const [[kind, members] = ['', {}]] = Object.entries(one)
    return { [kind]: { ...members, next: names[at + 1] ?? 'out' } }
  })
  return [
    { channel: { name: 'in', channelName: 'press', next: names[0] ?? 'out' } },
    ...linked,
    { datastore: { name: 'out', datastoreName: 'measured' } },
  ]
}

async function startRig(t: TestContext, pipelines: Pipelines = {}): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), 'datastores-'))
  const start = async () => {
    const connector = createConnector({
      sources: { batchPutMessage: {} },
      storage: { directory },
      http: { port: 0 },
      log: { level: 'silent' },
      analytics: { api: {}, pipelines: { interval: INTERVAL, ...pipelines } },
    })
    await connector.start()
    const client = new aws.IoTAnalyticsClient({
      endpoint: connector.describe().http ?? assert.fail('the HTTP server does not run'),
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' },
      maxAttempts: 1,
    })
    return { connector, client }
  }
  let running = await start()
  const queries = openQueries(directory, queryOptions.parse({}))
  const stop = async () => {
    running.client.destroy()
    await running.connector.stop({ deadlineMs: 0 })
  }
  t.after(async () => {
    await queries.close()
    await stop()
    await rm(directory, { recursive: true, force: true })
  })
  return {
    directory,
    get client() {
      return running.client
    },
    get connector() {
      return running.connector
    },
    async restart() {
      await stop()
      running = await start()
    },
    async put(...payloads) {
      for (let at = 0; at < payloads.length; at += 100) {
        const messages = payloads.slice(at, at + 100).map((payload) => ({
          messageId: randomUUID(),
          payload: Buffer.from(JSON.stringify(payload)),
        }))
        const { batchPutMessageErrorEntries } = await running.client.send(
          new aws.BatchPutMessageCommand({ channelName: 'press', messages }),
        )
        assert.deepEqual(batchPutMessageErrorEntries, [])
      }
    },
    async query(sql, change = {}) {
      const parts: Buffer[] = []
      await queries.run(
        { sql, format: 'jsonl', ...change },
        {
          signal: new AbortController().signal,
          onPart: (part) => void parts.push(Buffer.from(part)),
        },
      )
      const lines = Buffer.concat(parts).toString().split('\n').filter(Boolean)
      return lines.map((line) => JSON.parse(line))
    },
    async define(activities, datastore = {}) {
      const { client } = running
      await client.send(new aws.CreateChannelCommand({ channelName: 'press' }))
      await client.send(new aws.CreateDatastoreCommand({ datastoreName: 'measured', ...datastore }))
      const pipelineActivities = chainOf(activities)
      await client.send(
        new aws.CreatePipelineCommand({ pipelineName: PIPELINE, pipelineActivities }),
      )
    },
    async update(activities) {
      const pipelineActivities = chainOf(activities)
      await running.client.send(
        new aws.UpdatePipelineCommand({ pipelineName: PIPELINE, pipelineActivities }),
      )
    },
  }
}

async function reprocess({ client }: Rig, window: object = {}): Promise<string> {
  const command = new aws.StartPipelineReprocessingCommand({ pipelineName: PIPELINE, ...window })
  const { reprocessingId = '' } = await client.send(command)
  return reprocessingId
}

async function statusOf({ client }: Rig, id: string): Promise<string | undefined> {
  const command = new aws.DescribePipelineCommand({ pipelineName: PIPELINE })
  const { pipeline } = await client.send(command)
  return pipeline?.reprocessingSummaries?.find((one) => one.id === id)?.status
}

const readings = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({
    device: `d${(from + index) % 5}`,
    n: from + index,
    temp: 15 + ((from + index) % 10),
  }))

const hot = { filter: { name: 'hot', filter: 'temp >= 20' } }

test('messages pass the pipeline into the datastore, and SQL sees its attributes', {
  skip,
}, async (t) => {
  const rig = await startRig(t)
  await rig.define([hot, { math: { name: 'f', attribute: 'f', math: 'temp * 9 / 5 + 32' } }])
  const empty = await rig.query('describe measured')

  await rig.put(...readings(0, 250))

  await until('all rows are in the datastore', async () => {
    const [row] = await rig.query('select count(*) as rows from measured')
    return row?.['rows'] === 125
  })
  assert.deepEqual(
    empty.map((row) => row['column_name']),
    ['__dt'],
  )
  assert.deepEqual(await rig.query('select * exclude (__dt) from measured order by n limit 1'), [
    { device: 'd0', n: 5, temp: 20, f: 68 },
  ])
  assert.deepEqual(await rig.query('select count(*) as rows from datastores.measured'), [
    { rows: 125 },
  ])
  assert.deepEqual(await rig.query('select count(*) as rows from press'), [{ rows: 250 }])
  assert.deepEqual(await rig.query('show tables'), [{ name: 'measured' }, { name: 'press' }])
  const describe = new aws.DescribeDatastoreCommand({
    datastoreName: 'measured',
    includeStatistics: true,
  })
  await until('the datastore’s size is known', async () => {
    const { statistics } = await rig.client.send(describe)
    return (statistics?.size?.estimatedSizeInBytes ?? 0) > 0
  })
})

test('reprocessing after a corrected pipeline misses nothing and doubles nothing', {
  skip,
}, async (t) => {
  const rig = await startRig(t)
  await rig.put(...readings(0, 50))
  await rig.define([{ filter: { name: 'wrong', filter: 'temp > 100' } }])
  await rig.put(...readings(50, 150))
  await rig.update([hot])
  await rig.put(...readings(150, 300))
  await until('new rows are in the datastore', async () => {
    const rows = await rig.query('from measured')
    return rows.filter(({ n }) => Number(n) >= 150).length === 75
  })

  const id = await reprocess(rig)

  await until('it is done', async () => (await statusOf(rig, id)) === 'SUCCEEDED')
  const sql =
    'select count(*) as rows, count(distinct n) as different, min(n) as first from measured'
  assert.deepEqual(await rig.query(sql), [{ rows: 150, different: 150, first: 5 }])

  await rig.restart()

  assert.equal(await statusOf(rig, id), 'SUCCEEDED')
  const again = await reprocess(rig)
  await until('it is done again', async () => (await statusOf(rig, again)) === 'SUCCEEDED')
  assert.deepEqual(await rig.query(sql), [{ rows: 150, different: 150, first: 5 }])
})

test('a name that is a channel and a datastore must say which, but not in datasets', {
  skip,
}, async (t) => {
  const rig = await startRig(t)
  await rig.define([hot])
  await rig.client.send(new aws.CreateDatastoreCommand({ datastoreName: 'press' }))
  await rig.put(...readings(0, 3))

  await assert.rejects(
    rig.query('select * from press'),
    /Write channels\.press or datastores\.press/,
  )
  assert.equal((await rig.query('select * from channels.press')).length, 3)
  assert.deepEqual(await rig.query('select * from datastores.press'), [])
  assert.deepEqual(await rig.query('select * from press', { dialect: 'athena' }), [])
  await assert.rejects(
    rig.query('select * from datastores.pres'),
    /no datastore "pres". Did you mean "press"/,
  )
  await assert.rejects(rig.query('select * from nowhere.press'), /nowhere/)
})

test('partitions are columns, whatever the values of their attributes are', { skip }, async (t) => {
  const rig = await startRig(t)
  const datastorePartitions = {
    partitions: [
      { attributePartition: { attributeName: 'device' } },
      { timestampPartition: { attributeName: 'at', timestampFormat: "yyyy-MM-dd'T'HH:mm" } },
    ],
  }
  await rig.define([], { datastorePartitions })
  const device = "../../../etc/'passwd\u0000*?[a]%2f"
  await rig.put(
    { device, at: '2026-11-29T17:30', topic: 'mine', __year: 7 },
    { device: 5, at: 'x' },
  )

  await until('both rows are there', async () => (await rig.query('from measured')).length === 2)
  const columns = '__partition_device, __year, __month, __day, __hour, topic'
  assert.deepEqual(await rig.query(`select ${columns} from measured order by topic`), [
    { __partition_device: device, __year: 2026, __month: 11, __day: 29, __hour: 17, topic: 'mine' },
    {
      __partition_device: '5',
      __year: null,
      __month: null,
      __day: null,
      __hour: null,
      topic: null,
    },
  ])
})

test('the rows of a datastore can be chosen by a time expression, which is one expression', {
  skip,
}, async (t) => {
  const rig = await startRig(t)
  await rig.define([])
  await rig.put(...[10, 20, 30, 40].map((time) => ({ time })))
  await until('all rows are there', async () => (await rig.query('from measured')).length === 4)
  const times = async (datastoreRows: DatastoreRows) => {
    const rows = await rig.query('select time from measured order by time', {
      dialect: 'athena',
      datastoreRows,
    })
    return rows.map((row) => row['time'])
  }

  const timeExpression = 'from_unixtime(time)'
  assert.deepEqual(await times({ timeExpression, from: 20_000, until: 40_000 }), [20, 30])
  assert.deepEqual(await times({ timeExpression: `${timeExpression} --`, until: 20_000 }), [10])
  assert.deepEqual(await times({ arrivedUntil: 1_000 }), [])
  assert.deepEqual(await times({ arrivedFrom: Date.now() - 3_600_000 }), [10, 20, 30, 40])
  for (const hostile of [
    '1) or (1=1',
    'time, time',
    'time as x',
    '(select max(time) from measured)',
    'time from press',
    'time /*',
    'time; drop view measured',
    "(select content from read_text('/etc/passwd'))",
    'max(time)',
    'nothing',
    '',
  ]) {
    await assert.rejects(times({ timeExpression: hostile, from: 0 }), /timeExpression/, hostile)
  }
})

test('a datastore that is deleted has no data when it is created again', { skip }, async (t) => {
  const rig = await startRig(t)
  await rig.define([])
  await rig.put(...readings(0, 10))
  await until('rows are there', async () => (await rig.query('from measured')).length === 10)

  await rig.client.send(new aws.DeleteDatastoreCommand({ datastoreName: 'measured' }))
  await assert.rejects(rig.query('from measured'), /There is no channel/)
  await rig.client.send(new aws.CreateDatastoreCommand({ datastoreName: 'measured' }))

  assert.deepEqual(await rig.query('from measured'), [])
  await rig.put(...readings(10, 20))
  await until('new rows are there', async () => (await rig.query('from measured')).length === 10)
  await until('the files of before are removed', async () => {
    const names = await readdir(join(rig.directory, 'datastores'))
    return names.every((name) => name === 'measured')
  })
})

test('a pipeline with a datastore whose columns can’t be made is refused, with the reason', {
  skip,
}, async (t) => {
  const rig = await startRig(t)
  const columns = [{ name: 'a', type: 'array<quux>' }]

  await assert.rejects(
    rig.define([], {
      fileFormatConfiguration: { parquetConfiguration: { schemaDefinition: { columns } } },
    }),
    /the column a: expected boolean.*got "array<quux>"/,
  )
})

test('without the API no pipeline runs, and nothing is written for it', { skip }, async (t) => {
  const rig = await startRig(t)
  await rig.define([])
  await rig.put(...readings(0, 10))
  await until('rows are there', async () => (await rig.query('from measured')).length === 10)
  await rig.connector.stop({ deadlineMs: 0 })
  const position = join(rig.directory, 'pipelines', PIPELINE, 'position.json')
  const before = await readFile(position, 'utf8')

  const connector = createConnector({
    sources: {},
    storage: { directory: rig.directory },
    http: false,
    log: { level: 'silent' },
    analytics: { pipelines: { interval: INTERVAL } },
  })
  await connector.start()
  await connector.publish('press', '{"n":10}')
  await connector.stop()

  assert.equal(await readFile(position, 'utf8'), before)
  assert.equal((await rig.query('from measured')).length, 10)
  assert.equal((await rig.query('from press')).length, 11)
})
