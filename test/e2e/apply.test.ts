/** Files of definitions, applied to a running connector. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as aws from '@aws-sdk/client-iotanalytics'
import type { ConfigInput } from '../../src/index.ts'
import { type Finished, runCommand } from '../support/processes/command-line.ts'
import { startConnector, temporaryDirectory } from '../support/processes/running-connector.ts'

const KEY = { accessKeyId: 'OPERATOR1', secretAccessKey: 'a-secret-of-the-operator' }
const PLANT = `
datasets:
  - datasetName: picture
    actions: [{ actionName: draw, containerAction: { image: draw, executionRoleArn: "arn:aws:iam::000000000000:role/r", resourceConfiguration: { computeType: ACU_1, volumeSizeInGB: 1 } } }]
    triggers: [{ dataset: { name: report } }]
  - datasetName: report
    actions: [{ actionName: warmest, queryAction: { sqlQuery: SELECT max(temp) FROM measured } }]
pipelines:
  - pipelineName: warm
    pipelineActivities:
      - channel: { name: in, channelName: press, next: warm }
      - filter: { name: warm, filter: temp > 40, next: out }
      - datastore: { name: out, datastoreName: measured }
datastores:
  - datastoreName: measured
channels:
  - channelName: press
    retentionPeriod: { numberOfDays: 30 }
    tags: [{ key: site, value: north }]
`

interface Rig {
  readonly client: aws.IoTAnalyticsClient
  readonly apply: (text: string, ...flags: string[]) => Promise<Finished>
}

async function rig(t: TestContext, api: object = {}, env: Record<string, string> = {}) {
  const config: ConfigInput = { analytics: { api } }
  const connector = await startConnector(t, config)
  const url = connector.describe().http ?? assert.fail('the HTTP server does not run')
  const client = new aws.IoTAnalyticsClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { ...KEY },
    maxAttempts: 1,
  })
  t.after(() => client.destroy())
  const file = join(await temporaryDirectory(t), 'plant.yaml')
  const apply = (text: string, ...flags: string[]) => {
    writeFileSync(file, text)
    return runCommand(t, ['apply', file, '--url', url, ...flags], { env })
  }
  return { client, apply } satisfies Rig
}

test('a file of definitions is applied in the order in which they need each other, and twice changes nothing', async (t) => {
  const { client, apply } = await rig(t)

  const first = await apply(PLANT)
  const second = await apply(PLANT)

  assert.equal(first.stderr, '')
  assert.equal(first.code, 0)
  assert.deepEqual(
    first.stdout.match(/^created .*$/gm),
    [
      'channel press',
      'datastore measured',
      'pipeline warm',
      'dataset report',
      'dataset picture',
    ].map((one) => `created ${one}`),
  )
  assert.equal(second.code, 0)
  assert.match(second.stdout, /^0 to create, 0 to update, 5 unchanged$/m)
  assert.doesNotMatch(second.stdout, /^(created|updated)/m)
  const { channel } = await client.send(new aws.DescribeChannelCommand({ channelName: 'press' }))
  assert.deepEqual(channel?.retentionPeriod, { numberOfDays: 30 })
  const { tags } = await client.send(
    new aws.ListTagsForResourceCommand({ resourceArn: channel?.arn ?? '' }),
  )
  assert.deepEqual(tags, [{ key: 'site', value: 'north' }])
})

test('a dry run shows each field with its value before and after, and changes nothing', async (t) => {
  const { client, apply } = await rig(t)
  await apply(PLANT)
  const changed = PLANT.replace('temp > 40', 'temp > 50')
    .replace('numberOfDays: 30', 'unlimited: true')
    .replace('value: north', 'value: south')

  const dry = await apply(changed, '--dry-run')
  const coded = await apply(changed, '--dry-run', '--exit-code', '--json')
  const unchanged = await apply(PLANT, '--dry-run', '--exit-code')
  const { channel } = await client.send(new aws.DescribeChannelCommand({ channelName: 'press' }))
  const made = await apply(changed)

  assert.equal(dry.code, 0)
  assert.equal(
    dry.stdout,
    `~ channel press
    retentionPeriod.numberOfDays: 30 → (none)
    retentionPeriod.unlimited: (none) → true
    tags.site: "north" → "south"
= datastore measured
~ pipeline warm
    pipelineActivities[1].filter.filter: "temp > 40" → "temp > 50"
= dataset report
= dataset picture
0 to create, 2 to update, 3 unchanged
`,
  )
  assert.equal(coded.code, 1)
  const { isDryRun, changes } = JSON.parse(coded.stdout)
  assert.equal(isDryRun, true)
  assert.deepEqual(changes[2], {
    kind: 'pipeline',
    name: 'warm',
    action: 'update',
    fields: [
      { path: 'pipelineActivities[1].filter.filter', before: 'temp > 40', after: 'temp > 50' },
    ],
    isDone: false,
  })
  assert.equal(unchanged.code, 0)
  assert.deepEqual(channel?.retentionPeriod, { numberOfDays: 30 })
  assert.match(made.stdout, /^updated channel press\nupdated pipeline warm$/m)
  assert.match((await apply(changed)).stdout, /^0 to create, 0 to update, 5 unchanged$/m)
})

test('what cannot change is refused before anything is changed, with what to do', async (t) => {
  const { client, apply } = await rig(t)
  await apply(PLANT)
  const partitions = '{ partitions: [{ attributePartition: { attributeName: device } }] }'

  const { code, stderr } = await apply(
    PLANT.replace('numberOfDays: 30', 'numberOfDays: 31').replace(
      'datastoreName: measured\nchannels',
      `datastoreName: measured\n    datastorePartitions: ${partitions}\nchannels`,
    ),
  )

  const { channel } = await client.send(new aws.DescribeChannelCommand({ channelName: 'press' }))
  assert.equal(code, 1)
  assert.match(
    stderr,
    /plant\.yaml:15:5: datastores\[0\]: datastorePartitions\S* of the datastore measured can’t change\. Define a datastore with another name, .* delete-datastore --datastore-name measured/,
  )
  assert.deepEqual(channel?.retentionPeriod, { numberOfDays: 30 })
})

test('errors say the file, the line and the member, all of them at once', async (t) => {
  const { apply } = await rig(t)

  const { code, stderr } = await apply(`channels:
  - channelName: my-channel
  - channelName: press
    retentionPeriod: { numberOfDays: 0 }
  - channelName: press2
    retention: 30d
gadgets: []
datasets: none
`)

  assert.equal(code, 2)
  assert.match(stderr, /^error: nothing was changed:$/m)
  assert.match(
    stderr,
    /plant\.yaml:2:18: channels\[0\]\.channelName: expected .*, got "my-channel"/,
  )
  assert.match(
    stderr,
    /plant\.yaml:4:38: channels\[1\]\.retentionPeriod\.numberOfDays: expected a whole number from 1 to \d+, got 0/,
  )
  assert.match(
    stderr,
    /plant\.yaml:5:5: channels\[2\]: expected only channelName, .*, got "retention"/,
  )
  assert.match(stderr, /plant\.yaml:7:10: expected channels, .*, got "gadgets"/)
  assert.match(stderr, /plant\.yaml:8:11: datasets: expected a list, got string "none"/)
})

test('a change that the connector refuses ends the run with exit code 1, and what was done is said', async (t) => {
  const { apply } = await rig(t, { limits: { datastores: 2 } })
  const lambda = 'lambda: { name: warm, lambdaName: decode, batchSize: 1'

  const full =
    'channels: [{ channelName: a }]\ndatastores: [{ datastoreName: b }, { datastoreName: c }]\n'
  const unknown = await apply(PLANT.replace('filter: { name: warm, filter: temp > 40', lambda))
  const { code, stdout } = await apply(full)

  assert.deepEqual([unknown.code, code], [1, 1])
  assert.match(unknown.stdout, /^FAILED pipeline warm: .*expected a function .*, got decode$/m)
  assert.match(
    stdout,
    /^created channel a\ncreated datastore b\nFAILED datastore c: LimitExceededException/m,
  )
})

test('what Describe answers can be applied at another connector, from standard input', async (t) => {
  const from = await rig(t)
  await from.apply(PLANT)
  const { pipeline } = await from.client.send(
    new aws.DescribePipelineCommand({ pipelineName: 'warm' }),
  )
  const { channel } = await from.client.send(
    new aws.DescribeChannelCommand({ channelName: 'press' }),
  )
  const to = await rig(t)

  const done = await to.apply(
    JSON.stringify({
      channels: [{ channel }],
      datastores: [{ datastoreName: 'measured' }],
      pipeline,
    }),
  )

  assert.equal(done.stderr, '')
  const found = await to.client.send(new aws.DescribePipelineCommand({ pipelineName: 'warm' }))
  assert.deepEqual(found.pipeline?.activities, pipeline?.activities)
})

test('requests are signed where the API has keys', async (t) => {
  const credentials = [KEY]
  const env = { AWS_ACCESS_KEY_ID: KEY.accessKeyId, AWS_SECRET_ACCESS_KEY: KEY.secretAccessKey }
  const { apply, client } = await rig(t, { credentials }, env)
  const without = await rig(t, { credentials })

  const signed = await apply(PLANT)
  const changed = await apply(PLANT.replace('site, value: north', 'with space/é, value: "a+b"'))
  const unsigned = await without.apply(PLANT)

  assert.equal(signed.code, 0, signed.stderr)
  assert.match(changed.stdout, /^updated channel press$/m)
  const { channel } = await client.send(new aws.DescribeChannelCommand({ channelName: 'press' }))
  const { tags } = await client.send(
    new aws.ListTagsForResourceCommand({ resourceArn: channel?.arn ?? '' }),
  )
  assert.deepEqual(tags, [{ key: 'with space/é', value: 'a+b' }])
  assert.equal(unsigned.code, 1)
  assert.match(unsigned.stderr, /MissingAuthenticationToken.*AWS_ACCESS_KEY_ID/)
})

test('a connector without the API says which setting it needs', async (t) => {
  const connector = await startConnector(t, {})
  const url = connector.describe().http ?? ''
  const args = ['apply', '-', '--url', url]

  const { code, stderr } = await runCommand(t, args, { input: 'channels: [{ channelName: a }]' })

  assert.equal(code, 1)
  assert.match(stderr, /404: it has no API of AWS IoT Analytics\. Set analytics\.api/)
})

const TEMPLATE = `
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Days: { Type: Number, Default: "30" }
  Stage: { Type: String }
Resources:
  Role: { Type: AWS::IAM::Role, Properties: {} }
  Press:
    Type: AWS::IoTAnalytics::Channel
    Properties:
      ChannelName: !Sub press_\${Stage}
      RetentionPeriod: { NumberOfDays: !Ref Days, Unlimited: false }
      Tags: [{ Key: stage, Value: !Ref Stage }]
  Measured:
    Type: AWS::IoTAnalytics::Datastore
    Properties:
      DatastoreName: measured
      DatastorePartitions:
        Partitions: [{ Partition: { AttributeName: device } }]
      FileFormatConfiguration:
        ParquetConfiguration: { SchemaDefinition: { Columns: [{ Name: temp, Type: double }] } }
  Warm:
    Type: AWS::IoTAnalytics::Pipeline
    DependsOn: [Press]
    Properties:
      PipelineName: warm
      PipelineActivities:
        - Channel: { Name: in, ChannelName: !Ref Press, Next: add }
        - AddAttributes: { Name: add, Attributes: { Temp: temperature }, Next: out }
        - Datastore: { Name: out, DatastoreName: !Ref Measured }
  Report:
    Type: AWS::IoTAnalytics::Dataset
    Properties:
      DatasetName: report
      Actions:
        - ActionName: warmest
          QueryAction:
            SqlQuery: !Join [" ", [SELECT max(temp) FROM, !Ref Measured]]
            Filters: [{ DeltaTime: { OffsetSeconds: "-180", TimeExpression: from_unixtime(time) } }]
      Triggers: [{ Schedule: { ScheduleExpression: rate(15 minutes) } }]
      VersioningConfiguration: { MaxVersions: 5 }
  Picture:
    Type: AWS::IoTAnalytics::Dataset
    Properties:
      DatasetName: picture
      Actions:
        - ActionName: draw
          ContainerAction:
            Image: draw
            ExecutionRoleArn: !GetAtt Role.Arn
            ResourceConfiguration: { ComputeType: ACU_1, VolumeSizeInGB: 2 }
            Variables: [{ VariableName: report, DatasetContentVersionValue: { DatasetName: !Ref Report } }]
      Triggers: [{ TriggeringDataset: { DatasetName: !Ref Report } }]
`
const PARAMETERS = [
  '--parameter',
  'Stage=test',
  '--parameter',
  'Role.Arn=arn:aws:iam::000000000000:role/r',
]

test('a CloudFormation template is applied, with its parameters', async (t) => {
  const { client, apply } = await rig(t)

  const first = await apply(TEMPLATE, ...PARAMETERS)
  const second = await apply(TEMPLATE, ...PARAMETERS, '--dry-run', '--exit-code')

  assert.match(first.stderr, /resources left out: 1 of other types: AWS::IAM::Role/)
  assert.equal(first.code, 0, first.stderr + first.stdout)
  assert.equal(second.code, 0, second.stdout)
  const { channel } = await client.send(
    new aws.DescribeChannelCommand({ channelName: 'press_test' }),
  )
  assert.deepEqual(channel?.retentionPeriod, { numberOfDays: 30, unlimited: false })
  const { datastore } = await client.send(
    new aws.DescribeDatastoreCommand({ datastoreName: 'measured' }),
  )
  assert.deepEqual(datastore?.datastorePartitions, {
    partitions: [{ attributePartition: { attributeName: 'device' } }],
  })
  const { pipeline } = await client.send(new aws.DescribePipelineCommand({ pipelineName: 'warm' }))
  assert.deepEqual(pipeline?.activities?.[1]?.addAttributes?.attributes, { Temp: 'temperature' })
  const { dataset } = await client.send(new aws.DescribeDatasetCommand({ datasetName: 'report' }))
  assert.equal(dataset?.actions?.[0]?.queryAction?.sqlQuery, 'SELECT max(temp) FROM measured')
  assert.deepEqual(dataset?.triggers, [{ schedule: { expression: 'rate(15 minutes)' } }])
  const picture = await client.send(new aws.DescribeDatasetCommand({ datasetName: 'picture' }))
  assert.equal(
    picture.dataset?.actions?.[0]?.containerAction?.executionRoleArn,
    'arn:aws:iam::000000000000:role/r',
  )
  assert.match(first.stdout, /^ {4}retentionPeriod\.numberOfDays: 30$/m)
  assert.deepEqual(picture.dataset?.triggers, [{ dataset: { name: 'report' } }])
})

test('what a template refers to and does not have is named, with its place and the flag that gives it', async (t) => {
  const { apply } = await rig(t)

  const { code, stderr } = await apply(
    `${TEMPLATE}
  Other:
    Type: AWS::IoTAnalytics::Channel
    Condition: IsTest
    Properties: { ChannelName: other }
  Nameless:
    Type: AWS::IoTAnalytics::Channel
    Properties: { RetentionPeriod: { NumberOfDays: !If [IsTest, 1, 2] } }
  Wrong:
    Type: AWS::IoTAnalytics::Channel
    Properties: { ChannelName: wrong, RetentionPeriod: { NumberOfDays: 0 } }
`,
    '--parameter',
    'Stage=test',
  )

  assert.equal(code, 2)
  assert.match(
    stderr,
    /plant\.yaml:\d+:\d+: Resources\.Picture\.Properties\.Actions\[0\]\.ContainerAction\.ExecutionRoleArn: Fn::GetAtt: "Role\.Arn" is made by CloudFormation: give its value with --parameter Role\.Arn=VALUE/,
  )
  assert.match(stderr, /Resources\.Other\.Condition: conditions are not evaluated/)
  assert.match(stderr, /Resources\.Nameless\.Properties: expected ChannelName/)
  assert.match(stderr, /NumberOfDays: Fn::If is not evaluated/)
  assert.match(
    stderr,
    /Resources\.Wrong\.Properties\.RetentionPeriod\.NumberOfDays: expected a whole number/,
  )
})

test('a file that grows through its aliases, or is no YAML, is refused with its place', async (t) => {
  const { apply } = await rig(t)
  const levels = Array.from({ length: 20 }, (_, at) => `l${at + 1}: &l${at + 1} [*l${at}, *l${at}]`)

  const bomb = await apply(['l0: &l0 [x, x]', ...levels].join('\n'))
  const wrong = await apply('channels: [')
  const steering = await apply('"\\e[31mred": 1\n')

  assert.equal(bomb.code, 2)
  assert.match(bomb.stderr, /alias/i)
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /is neither YAML nor JSON:\n {2}\S*plant\.yaml:1:12/)
  assert.ok(!steering.stderr.includes('\u001b'))
})
