/** Rules that go over several members of a definition. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type * as z from 'zod'
import { resourceOfArn } from '../../../../src/analytics/resources/arn.ts'
import { channelUpdate } from '../../../../src/analytics/resources/channel-definition.ts'
import { datasetDefinition } from '../../../../src/analytics/resources/dataset-definition.ts'
import { datastoreDefinition } from '../../../../src/analytics/resources/datastore-definition.ts'
import {
  orderedActivities,
  pipelineDefinition,
} from '../../../../src/analytics/resources/pipeline-definition.ts'
import { checked } from '../../../../src/analytics/resources/problems.ts'
import { tagList } from '../../../../src/analytics/resources/tags.ts'

const CHANNEL = { channel: { name: 'in', channelName: 'press', next: 'warm' } }
const FILTER = { filter: { name: 'warm', filter: 'temp > 40', next: 'out' } }
const DATASTORE = { datastore: { name: 'out', datastoreName: 'measured' } }
const ROLE = 'arn:aws:iam::000000000000:role/r'
const QUERY = { queryAction: { sqlQuery: 'SELECT 1' } }
const CONTAINER = {
  containerAction: {
    image: 'image',
    executionRoleArn: ROLE,
    resourceConfiguration: { computeType: 'ACU_1', volumeSizeInGB: 1 },
  },
}

function problemOf(schema: z.ZodType, value: unknown): string | undefined {
  return checked(schema, value).problem
}

function pipelineProblem(...pipelineActivities: object[]): string | undefined {
  return problemOf(pipelineDefinition, { pipelineActivities })
}

test('activities may be listed in any order, and run as next leads', () => {
  const definition = pipelineDefinition.parse({ pipelineActivities: [FILTER, DATASTORE, CHANNEL] })

  assert.deepEqual(orderedActivities(definition), [CHANNEL, FILTER, DATASTORE])
})

test('activities must lead from one channel through all others to one datastore', () => {
  const loop = { filter: { ...FILTER.filter, next: 'warm' } }
  const nowhere = { filter: { name: 'warm', filter: 'temp > 40' } }
  const beside = { math: { name: 'sum', attribute: 'a', math: 'b + 1', next: 'out' } }

  assert.equal(pipelineProblem(CHANNEL, FILTER, DATASTORE), undefined)
  assert.match(pipelineProblem(FILTER, DATASTORE) ?? '', /expected one channel activity, not 0/)
  assert.match(
    pipelineProblem(CHANNEL, DATASTORE, DATASTORE) ?? '',
    /expected one datastore activity, not 2/,
  )
  assert.match(
    pipelineProblem(CHANNEL, FILTER, FILTER, DATASTORE) ?? '',
    /^pipelineActivities\[2\]\.filter\.name: expected a name that no other activity has, got "warm"/,
  )
  assert.match(
    pipelineProblem(CHANNEL, nowhere, DATASTORE) ?? '',
    /^pipelineActivities\[1\]\.filter\.next: expected the name of another activity, got nothing/,
  )
  assert.match(pipelineProblem(CHANNEL, loop, DATASTORE) ?? '', /it leads through in, warm alone/)
  assert.match(
    pipelineProblem(CHANNEL, FILTER, beside, DATASTORE) ?? '',
    /it leads through in, warm, out alone/,
  )
})

test('an activity has exactly one kind', () => {
  assert.match(
    pipelineProblem({ ...CHANNEL, ...DATASTORE }, FILTER) ?? '',
    /^pipelineActivities\[0\]: expected exactly one of channel, lambda/,
  )
})

test('what is kept is either unlimited or bounded', () => {
  const retentionProblem = (retentionPeriod: object) =>
    problemOf(channelUpdate, { retentionPeriod })
  const expected = /^retentionPeriod: expected either unlimited: true or numberOfDays/

  assert.equal(retentionProblem({ unlimited: true }), undefined)
  assert.equal(retentionProblem({ unlimited: false, numberOfDays: 1 }), undefined)
  assert.match(retentionProblem({}) ?? '', expected)
  assert.match(retentionProblem({ unlimited: false }) ?? '', expected)
  assert.match(retentionProblem({ unlimited: true, numberOfDays: 1 }) ?? '', expected)
})

test('a datastore’s columns and partitions must not contradict each other', () => {
  const withColumns = (...names: string[]) => ({
    fileFormatConfiguration: {
      parquetConfiguration: {
        schemaDefinition: { columns: names.map((name) => ({ name, type: 'double' })) },
      },
    },
  })
  const byTime = { timestampPartition: { attributeName: 'time' } }
  const partitions = { datastorePartitions: { partitions: [byTime, byTime] } }

  assert.equal(problemOf(datastoreDefinition, withColumns('a_b', '_a', 'B1')), undefined)
  assert.match(problemOf(datastoreDefinition, withColumns('a-b')) ?? '', /columns\[0\]\.name/)
  assert.match(problemOf(datastoreDefinition, withColumns('__a')) ?? '', /columns\[0\]\.name/)
  assert.match(problemOf(datastoreDefinition, withColumns('temp', 'Temp')) ?? '', /more than case/)
  assert.match(problemOf(datastoreDefinition, partitions) ?? '', /at most one timestampPartition/)
})

test('a dataset’s triggers follow the rules of AWS, in its words', () => {
  const schedule = { schedule: { expression: 'cron(0/15 * * * ? *)' } }
  const byDataset = { dataset: { name: 'other' } }
  const triggerProblem = (action: object, ...triggers: object[]) =>
    problemOf(datasetDefinition, { actions: [action], triggers })

  assert.equal(triggerProblem(QUERY, schedule, schedule), undefined)
  assert.equal(triggerProblem(CONTAINER, byDataset), undefined)
  assert.match(
    triggerProblem(QUERY, byDataset) ?? '',
    /Triggering dataset can only be added on a container dataset/,
  )
  assert.match(
    triggerProblem(CONTAINER, byDataset, byDataset) ?? '',
    /There can only be one triggering dataset/,
  )
  assert.match(
    triggerProblem(CONTAINER, byDataset, schedule) ?? '',
    /Exactly one trigger type should be provided/,
  )
})

for (const expression of ['rate(1 minute)', 'cron(0 8 1 * ? *)', 'rate(12 hours)']) {
  test(`a dataset may run at ${expression}`, () => {
    const triggers = [{ schedule: { expression } }]
    assert.equal(problemOf(datasetDefinition, { actions: [QUERY], triggers }), undefined)
  })
}

for (const expression of ['rate(0 minutes)', 'cron(0 8 * * *)', 'every day', '', 'rate(1 week)']) {
  test(`"${expression}" is no schedule`, () => {
    const triggers = [{ schedule: { expression } }]
    assert.match(
      problemOf(datasetDefinition, { actions: [QUERY], triggers }) ?? '',
      /^triggers\[0\]\.schedule\.expression: expected cron/,
    )
  })
}

test('a dataset has one action, and late data needs a time window', () => {
  const window = { deltaTimeSessionWindowConfiguration: { timeoutInMinutes: 1 } }
  const lateDataRules = [{ ruleConfiguration: window }]

  assert.match(
    problemOf(datasetDefinition, { actions: [{ ...QUERY, ...CONTAINER }] }) ?? '',
    /^actions\[0\]: expected exactly one of queryAction, containerAction/,
  )
  assert.match(
    problemOf(datasetDefinition, { actions: [QUERY], lateDataRules }) ?? '',
    /^lateDataRules: expected a queryAction with the filter deltaTime/,
  )
})

test('tags have each key once, and none that AWS has reserved', () => {
  const tag = { key: 'site', value: 'north' }

  assert.match(problemOf(tagList, [tag, tag]) ?? '', /expected each key once/)
  assert.match(problemOf(tagList, [{ key: 'aws:site', value: 'x' }]) ?? '', /\[0\]\.key: expected/)
})

test('only ARNs of this connector name a resource', () => {
  const owner = { region: 'us-east-1', account: '000000000000' }
  const start = 'arn:aws:iotanalytics:us-east-1:000000000000'

  assert.deepEqual(resourceOfArn(owner, `${start}:channel/press`), {
    kind: 'channel',
    name: 'press',
  })
  for (const arn of [
    `${start}:channel/__press`,
    `${start}:channel/a/b`,
    `${start}:thing/press`,
    'arn:aws:iotanalytics:us-east-1:000000000001:channel/press',
    `x${start}:channel/press`,
    'press',
  ]) {
    assert.equal(resourceOfArn(owner, arn), undefined, arn)
  }
})
