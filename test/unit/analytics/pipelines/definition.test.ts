/** Definitions of pipelines: what is accepted, and what errors say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makePipeline } from '../../../../src/analytics/pipelines/pipeline.ts'
import { runActivity } from '../../../../src/analytics/pipelines/run-activity.ts'
import { systemClock } from '../../../../src/clock.ts'
import { ConnectorError } from '../../../../src/errors.ts'
import { fakeFunctions } from '../../../support/analytics/pipeline-resources.ts'

const resources = { functions: fakeFunctions({ same: (event) => event }), clock: systemClock }

const channel = { channel: { name: 'in', channelName: 'my_channel', next: 'out' } }
const datastore = { datastore: { name: 'out', datastoreName: 'my_store' } }
const filter = (name: string, next?: string, condition = 'TRUE') => ({
  filter: { name, filter: condition, next },
})
const from = (next: string) => ({ channel: { ...channel.channel, next } })

/** The message of the error; undefined if the definition is accepted. */
function problemOf(pipelineActivities: unknown, pipelineName: unknown = 'my_pipeline') {
  try {
    makePipeline({ pipelineName, pipelineActivities }, resources)
    return undefined
  } catch (thrown) {
    assert.ok(thrown instanceof ConnectorError)
    assert.equal(thrown.code, 'InvalidPipeline')
    return thrown.message
  }
}

test('the simplest pipeline has a channel and a datastore, in any order', () => {
  const pipeline = makePipeline(
    { pipelineName: 'my_pipeline', pipelineActivities: [datastore, channel] },
    resources,
  )

  assert.equal(pipeline.name, 'my_pipeline')
  assert.equal(pipeline.channelName, 'my_channel')
  assert.equal(pipeline.datastoreName, 'my_store')
})

test('a definition follows the rules of the API, and an error names its place', () => {
  const problem = (activity: unknown) => problemOf([channel, activity, datastore]) ?? ''
  const chain = (count: number) =>
    Array.from({ length: count }, (_, i) => filter(`f${i}`, i + 1 === count ? 'out' : `f${i + 1}`))

  assert.equal(problemOf([from('f0'), ...chain(23), datastore]), undefined)
  assert.match(problemOf([from('f0'), ...chain(24), datastore]) ?? '', /expected a list of 2 to 25/)
  assert.match(problemOf([channel, filter('a', 'out'), datastore]) ?? '', /expected next to lead/)
  assert.match(problem({}), /^pipelineActivities\[1\]: expected exactly one of channel, lambda, /)
  assert.match(problem({ filtre: {} }), /"filtre"/)
  assert.match(problem(filter('a', 'out', '')), /^pipelineActivities\[1\]\.filter\.filter: /)
  assert.match(problemOf([channel, datastore], '__name') ?? '', /^pipelineName: /)
  assert.match(problemOf('text') ?? '', /^pipelineActivities: expected a list/)
})

test('an error in an expression or a path names the activity and shows the place', () => {
  const math = { name: 'sum', attribute: 'a', math: '1 +', next: 'out' }
  const selectAttributes = { name: 'pick', attributes: ['a..b'], next: 'out' }

  assert.equal(
    problemOf([from('sum'), { math }, datastore]),
    'activity sum: column 4: expected an attribute or a value, got the end\n  1 +\n     ^',
  )
  assert.equal(
    problemOf([from('pick'), { selectAttributes }, datastore]),
    'activity pick: column 3: expected the name of an attribute\n  a..b\n    ^',
  )
})

test('RunPipelineActivity returns the payloads that would go on', async () => {
  const math = { name: 'MyMathActivity', math: '((temp - 32) * 5.0) / 9.0', attribute: 'tempC' }
  const payloads = ['{"humidity": 52, "temp": 68 }', '{"humidity": 52, "temp": 32 }'].map((text) =>
    Buffer.from(text),
  )

  const result = await runActivity({ math }, payloads, resources)

  assert.equal(result.logResult, '')
  assert.deepEqual(
    result.payloads.map((payload) => payload.toString('base64')),
    ['eyJodW1pZGl0eSI6NTIsInRlbXAiOjY4LCJ0ZW1wQyI6MjB9'].concat(
      'eyJodW1pZGl0eSI6NTIsInRlbXAiOjMyLCJ0ZW1wQyI6MH0=',
    ),
  )
})

test('RunPipelineActivity says what failed, and not what a filter drops', async () => {
  const run = (activity: unknown, ...payloads: string[]) =>
    runActivity(
      activity,
      payloads.map((payload) => Buffer.from(payload)),
      resources,
    )
  const math = { name: 'm', attribute: 'a.b', math: '1' }

  const filtered = await run(filter('f', undefined, 'a = 1'), '{"a":1}', '{"a":2}')
  const failed = await run({ math }, '{"a":{}}', '{"a":1}', 'no JSON')

  assert.deepEqual(filtered, { payloads: [Buffer.from('{"a":1}')], logResult: '' })
  assert.deepEqual(failed.payloads.map(String), ['{"a":{"b":1}}'])
  assert.match(failed.logResult, /^payload 2: .*\npayloads that are no JSON object: 1$/)
})

test('RunPipelineActivity takes 1 to 10 payloads, and neither channel nor datastore', async () => {
  const payloads = (count: number) => Array.from({ length: count }, () => Buffer.from('{}'))
  const code = 'InvalidPipeline'

  await assert.rejects(runActivity(filter('f'), [], resources), { code })
  await assert.rejects(runActivity(filter('f'), payloads(11), resources), { code })
  await assert.rejects(runActivity(channel, payloads(1), resources), { code })
  await assert.rejects(runActivity(datastore, payloads(1), resources), { code })
  await assert.rejects(runActivity('text', payloads(1), resources), { code })
  assert.equal((await runActivity(filter('f'), payloads(10), resources)).payloads.length, 10)
})
