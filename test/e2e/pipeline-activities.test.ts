/** RunPipelineActivity with AWS's own client: AWS's examples, functions, things, and hostile input. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as aws from '@aws-sdk/client-iotanalytics'
import { parseConfig } from '../../src/config/parse-config.ts'
import { checkStart } from '../../src/connector/checks/start-check.ts'
import type { ConfigInput } from '../../src/index.ts'
import { startConnector, temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const ROLE = 'arn:aws:iam::123456789012:role/MyEnrichRole'

type Pipelines = NonNullable<NonNullable<ConfigInput['analytics']>['pipelines']>

/** Tries activities; payloads are text. */
async function startTrials(t: TestContext, pipelines: Pipelines = {}) {
  const connector = await startConnector(t, {
    sources: { batchPutMessage: {} },
    analytics: { api: {}, pipelines },
  })
  const client = new aws.IoTAnalyticsClient({
    endpoint: connector.describe().http ?? assert.fail('the HTTP server does not run'),
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' },
    maxAttempts: 1,
  })
  t.after(() => client.destroy())
  const run = async (pipelineActivity: aws.PipelineActivity, ...payloads: string[]) => {
    const command = new aws.RunPipelineActivityCommand({
      pipelineActivity,
      payloads: payloads.map((payload) => Buffer.from(payload)),
    })
    const { payloads: results = [], logResult } = await client.send(command)
    return { results: results.map((one) => Buffer.from(one).toString()), logResult }
  }
  return { client, run, connector }
}

async function fileIn(t: TestContext, name: string, text: string): Promise<string> {
  const path = join(await temporaryDirectory(t), name)
  await writeFile(path, text)
  return path
}

const lambda = (lambdaName: string, batchSize = 10) => ({
  lambda: { name: 'l', lambdaName, batchSize },
})

test('the examples of AWS’s guide give the results of the guide', async (t) => {
  const { run } = await startTrials(t)
  const device = '{"device":{"id":"device-123","coord":[47.6,-122.3]},"temp":50,"hum":29}'
  const attributes = { 'device.id': 'id', 'device.coord[0]': 'lat' }

  const math = { name: 'm', math: '((temp - 32) * 5.0) / 9.0', attribute: 'tempC' }
  assert.deepEqual(await run({ math }, '{"humidity": 52, "temp": 68 }', '{"temp":32}'), {
    results: ['{"humidity":52,"temp":68,"tempC":20}', '{"temp":32,"tempC":0}'],
    logResult: '',
  })
  assert.deepEqual(await run({ filter: { name: 'f', filter: 'temp > 40 AND hum < 20' } }, device), {
    results: [],
    logResult: '',
  })
  assert.deepEqual((await run({ addAttributes: { name: 'a', attributes } }, device)).results, [
    `${device.slice(0, -1)},"id":"device-123","lat":47.6}`,
  ])
  const removeAttributes = { name: 'r', attributes: ['device', 'hum'] }
  assert.deepEqual((await run({ removeAttributes }, device)).results, ['{"temp":50}'])
  const selectAttributes = { name: 's', attributes: ['device.id', 'temp'] }
  assert.deepEqual((await run({ selectAttributes }, device)).results, [
    '{"id":"device-123","temp":50}',
  ])
})

test('a function that is a module or a command gets the payloads', async (t) => {
  const module = await fileIn(
    t,
    'decode.mjs',
    `export const handler = (event) => event.map((one) =>
       typeof one === 'string' ? { text: Buffer.from(one, 'base64').toString() } : { ...one, seen: event.length })`,
  )
  const program = `
    const lines = require('readline').createInterface({ input: process.stdin })
    lines.on('line', (line) => console.log(JSON.stringify(JSON.parse(line).map((one) =>
      ({ ...one, site: process.env.SITE, hasHome: 'HOME' in process.env })))))`
  const command: [string, ...string[]] = [process.execPath, '-e', program]
  const functions = { decode: { module }, count: { command, environment: { SITE: 'north' } } }
  const { run } = await startTrials(t, { functions })

  assert.deepEqual(await run(lambda('decode'), '{"a":12345678901234567890}', '{"a":2}'), {
    results: ['{"a":12345678901234567000,"seen":2}', '{"a":2,"seen":2}'],
    logResult: '',
  })
  assert.deepEqual((await run(lambda('decode'), 'aGVsbG8=')).results, ['{"text":"hello"}'])
  assert.deepEqual((await run(lambda('count'), '{"a":1}')).results, [
    '{"a":1,"site":"north","hasHome":false}',
  ])
})

test('payloads are enriched from files, and a change of a file counts', async (t) => {
  const thing = { thingName: 'press-1', version: 3, attributes: { site: 'north' } }
  const registry = await fileIn(t, 'things.json', JSON.stringify({ things: [thing] }))
  const shadow = { state: { reported: { on: true } }, version: 9 }
  const shadows = await fileIn(t, 'shadows.json', JSON.stringify({ 'press-1': shadow }))
  const { run } = await startTrials(t, { registry: { file: registry }, shadows: { file: shadows } })
  const enrichment = { name: 'e', attribute: 'm', thingName: 'thing', roleArn: ROLE }
  const payload = '{"thing":"press-1"}'

  assert.deepEqual((await run({ deviceRegistryEnrich: enrichment }, payload)).results, [
    `{"thing":"press-1","m":${JSON.stringify(thing)}}`,
  ])
  assert.deepEqual((await run({ deviceShadowEnrich: enrichment }, payload)).results, [
    `{"thing":"press-1","m":${JSON.stringify(shadow)}}`,
  ])
  assert.deepEqual(await run({ deviceShadowEnrich: enrichment }, '{"thing":"press-2"}'), {
    results: [],
    logResult: 'payload 1: the thing "press-2" is not in the device shadows',
  })
})

test('what goes wrong in a function is in logResult, and the next call works', async (t) => {
  const module = await fileIn(
    t,
    'bad.mjs',
    `export const handler = async ([{ how }]) => {
       if (how === 'throws') throw new TypeError('bad message')
       if (how === 'exits') process.exit(3)
       if (how === 'prints') { process.stdout.write('no answer\\n'); return [{ how }] }
       if (how === 'is large') return [{ how, text: 'x'.repeat(7_000_000) }]
       if (how === 'is no list') return { how }
       if (how === 'never ends') await new Promise(() => {})
       if (how === 'loops') for (;;);
       if (how === 'fills memory') for (const all = [];;) all.push(Buffer.alloc(10_000_000, 1))
       return [{ how }]
     }`,
  )
  const { run, connector } = await startTrials(t, {
    functions: { bad: { module }, slow: { module, timeout: '2s' } },
  })
  const logOf = async (how: string, lambdaName = 'bad') => {
    const { results, logResult } = await run(lambda(lambdaName), JSON.stringify({ how }))
    return results.length > 0 ? results.join() : logResult
  }
  const failed = (why: string, name = 'bad') => `payload 1: the function ${name} failed: ${why}`

  assert.equal(await logOf('throws'), failed('TypeError: bad message'))
  assert.equal(await logOf('exits'), failed('it ended with exit code 3'))
  assert.equal(await logOf('prints'), '{"how":"prints"}')
  const metrics = `${connector.describe().http}/metrics`
  await until('what it printed is counted, and logged', async () => {
    const text = await (await fetch(metrics)).text()
    return /pipeline_log_lines_total\{source="function bad"\} [1-9]/.test(text)
  })
  assert.equal(await logOf('is large'), failed('its answer is longer than 6291456 bytes'))
  assert.equal(
    await logOf('is no list'),
    failed('expected an array of JSON objects, got an object'),
  )
  assert.equal(await logOf('never ends', 'slow'), failed('no answer within 2000 ms', 'slow'))
  assert.equal(await logOf('loops', 'slow'), failed('no answer within 2000 ms', 'slow'))
  assert.match(
    (await logOf('fills memory')) ?? '',
    /Array buffer allocation failed|Failed to allocate memory|it (was )?ended|no answer within/,
  )
  assert.equal(await logOf('works'), '{"how":"works"}')
  assert.match((await run(lambda('none'), '{}')).logResult ?? '', /no function of this name.*bad/)
})

test('hostile payloads and expressions harm nobody', async (t) => {
  const { run } = await startTrials(t)
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
  const many = `{"a":[${'0,'.repeat(60_000)}0]}`
  const like = `text LIKE '${'%a'.repeat(60)}'`
  const nested = `${'('.repeat(120)}1${')'.repeat(120)}`

  const proto = '{"__proto__":{"x":1},"constructor":{"prototype":{"y":2}},"a":1}'
  const removed = await run({ removeAttributes: { name: 'r', attributes: ['a'] } }, proto, many)
  const liked = await run(
    { filter: { name: 'f', filter: like } },
    JSON.stringify({ text: 'a'.repeat(100_000) }),
    JSON.stringify({ text: `${'a'.repeat(100_000)}b` }),
  )
  const odd = await run({ filter: { name: 'f', filter: 'TRUE' } }, deep, '', '\u0000', '{"a":')

  assert.deepEqual(removed.results, [proto.replace(',"a":1', '')])
  assert.equal(liked.results.length, 1)
  assert.deepEqual(odd, { results: [], logResult: 'payloads that are no JSON object: 4' })
  const math = { name: 'm', attribute: 'a', math: nested }
  await run({ math }, '{}').catch(({ name }) => assert.equal(name, 'InvalidRequestException'))
  const refused = { name: 'InvalidRequestException', message: /activity m: column 4/ }
  await assert.rejects(run({ math: { ...math, math: '1 +' } }, '{}'), refused)
  assert.equal(Object.getOwnPropertyDescriptor(Object.prototype, 'x'), undefined)
})

test('check names what the settings of functions and things lack', async (t) => {
  const command: [string] = ['/nowhere/count']
  const functions = { decode: { module: '/nowhere/decode.mjs' }, count: { command } }
  const tls = { ca: '/nowhere/ca.crt' }
  const config = parseConfig({
    http: { port: 0 },
    storage: { directory: await temporaryDirectory(t) },
    sources: { batchPutMessage: {} },
    analytics: {
      api: {},
      pipelines: {
        functions,
        registry: { file: '/nowhere/things.json' },
        shadows: { aws: { region: 'us-east-1', tls } },
      },
    },
  })

  const { problems } = await checkStart(config)

  const place = 'analytics.pipelines'
  assert.deepEqual(
    problems.map(({ message }) => message.replace(/: can’t.*/, '')),
    [
      `${place}.functions.decode.module`,
      `${place}.functions.count.command`,
      `${place}.registry.file`,
      `${place}.shadows.aws.tls.ca`,
    ],
  )
})

test('a pipeline is refused whose activities the settings have nothing for', async (t) => {
  const { client } = await startTrials(t)
  await client.send(new aws.CreateChannelCommand({ channelName: 'press' }))
  await client.send(new aws.CreateDatastoreCommand({ datastoreName: 'measured' }))
  const create = (activity: aws.PipelineActivity) =>
    client.send(
      new aws.CreatePipelineCommand({
        pipelineName: 'warm',
        pipelineActivities: [
          { channel: { name: 'in', channelName: 'press', next: 'x' } },
          activity,
          { datastore: { name: 'out', datastoreName: 'measured' } },
        ],
      }),
    )
  const enrichment = { name: 'x', attribute: 'm', thingName: 't', roleArn: ROLE, next: 'out' }
  const refusals: [aws.PipelineActivity, RegExp][] = [
    [
      { lambda: { name: 'x', lambdaName: 'decode', batchSize: 1, next: 'out' } },
      /activity x: expected a function of analytics\.pipelines\.functions \(none\), got decode/,
    ],
    [{ deviceRegistryEnrich: enrichment }, /set analytics\.pipelines\.registry/],
    [{ deviceShadowEnrich: enrichment }, /set analytics\.pipelines\.shadows/],
    [{ filter: { name: 'x', filter: 'a >', next: 'out' } }, /activity x: column 4/],
  ]

  for (const [activity, message] of refusals) {
    await assert.rejects(create(activity), { name: 'InvalidRequestException', message })
  }
  const { pipelineSummaries } = await client.send(new aws.ListPipelinesCommand({}))
  assert.deepEqual(pipelineSummaries, [])
})
