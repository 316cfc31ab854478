/** Files of a Greengrass v1 group, and what is wrong with them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfigDocument } from '../../../../src/config/inputs/config-file.ts'
import { readGroup } from '../../../../src/greengrass/plan/read-group.ts'
import type { V1Group } from '../../../../src/greengrass/plan/v1-group.ts'

const OURS = 'arn:aws:greengrass:us-west-2::/connectors/IoTAnalytics/versions/2'
const FUNCTION = 'arn:aws:lambda:us-west-2:123456789012:function:Reader:prod'
const DEVICE = 'arn:aws:iot:us-west-2:123456789012:thing/Pump1'
const SUBSCRIPTION = { Id: 'a:1', Source: FUNCTION, Subject: 'factory/#', Target: OURS }
const CONNECTOR = { Id: 'c', ConnectorArn: OURS, Parameters: { MemorySize: '65535' } }

function groupOf(...files: readonly unknown[]): V1Group {
  return readGroup(
    files.map((file, index) => parseConfigDocument(`${index}.json`, JSON.stringify(file, null, 2))),
  )
}

function refusal(...files: readonly unknown[]): string {
  try {
    groupOf(...files)
  } catch (thrown) {
    assert(thrown instanceof Error)
    return thrown.message
  }
  return assert.fail('expected the files to be refused')
}

test('a file is known by its list, in every form that AWS’s CLI takes or gives', () => {
  const subscriptions = [SUBSCRIPTION]
  const forms = [
    { Arn: 'arn:…', Definition: { Subscriptions: subscriptions }, Version: '…' },
    { Name: 'x', InitialVersion: { Subscriptions: subscriptions } },
    { Subscriptions: subscriptions },
    subscriptions,
  ]

  for (const form of forms) {
    const [only] = groupOf([CONNECTOR], form).subscriptions ?? []
    assert.deepEqual([only?.id, only?.source.name, only?.subject], ['a-1', 'Reader', 'factory/#'])
  }
})

test('the Region and the parameters are those of the definition', () => {
  const { connector } = groupOf({ Definition: { Connectors: [CONNECTOR] } })

  assert.deepEqual(connector, {
    arn: OURS,
    isolationMode: undefined,
    parameters: { MemorySize: '65535', PublishRegion: 'us-west-2' },
  })
})

test('functions and devices give names, unless the console made them', () => {
  const uuid = '0c9a4f4e-97bb-4d6c-b1d5-0e9a3a1f2b3c'
  const { subscriptions } = groupOf(
    [SUBSCRIPTION, { ...SUBSCRIPTION, Id: 'b', Source: DEVICE }],
    { Definition: { Functions: [{ FunctionArn: FUNCTION, Id: 'modbus-reader' }] } },
    { Definition: { Devices: [{ ThingArn: DEVICE, Id: uuid, CertificateArn: 'arn:…' }] } },
  )

  assert.deepEqual(
    subscriptions?.map(({ source }) => source.name),
    ['modbus-reader', 'Pump1'],
  )
})

test('the group version, cores and loggers of an export are passed over', () => {
  const group = groupOf(
    { Definition: { SubscriptionDefinitionVersionArn: 'arn:…' } },
    { Definition: { Cores: [] } },
    { Definition: { Loggers: [] } },
    [SUBSCRIPTION],
  )

  assert.equal(group.connector, undefined)
  assert.equal(group.subscriptions?.length, 1)
})

test('Source and Target name what they may be, and where', () => {
  assert.equal(
    refusal({ Subscriptions: [{ ...SUBSCRIPTION, Source: 'clowd' }] }),
    '0.json:5:17: expected in Source cloud, GGShadowService, or the ARN of a connector, a Lambda function or a thing, got "clowd"',
  )
  assert.match(
    refusal({ Subscriptions: [{ Id: 'x', Source: 'cloud', Subject: 'a' }] }),
    /^0\.json:\d+:\d+: expected in Target cloud, .*, got nothing$/,
  )
})

test('a Subject that is no topic filter is refused', () => {
  assert.equal(
    refusal({ Subscriptions: [{ ...SUBSCRIPTION, Subject: 'a/#/b' }] }),
    '0.json:6:18: expected # only as the whole last level, such as factory/#, got "a/#/b"',
  )
  assert.match(
    refusal([{ ...SUBSCRIPTION, Subject: 5 }]),
    /expected a topic filter as Subject, got 5/,
  )
})

test('a connector of an unknown version, or with wrong parameters, is refused with its place', () => {
  assert.equal(
    refusal([{ ...CONNECTOR, ConnectorArn: OURS.replace('/2', '/5') }]),
    '0.json:4:21: expected a version from 1 to 4 of the connector, got 5',
  )
  assert.match(
    refusal([{ ...CONNECTOR, Parameters: { MemorySize: '1', PublishInterval: 'soon' } }]),
    /parameters\.PublishInterval \(0\.json:7:26\): expected a whole number .*, got "soon"/,
  )
})

test('a file of another kind, two lists of the same kind and no list at all are refused', () => {
  assert.match(refusal({ parameters: {} }), /^0\.json: expected what aws greengrass get-…/)
  assert.equal(
    refusal([SUBSCRIPTION], { Subscriptions: [SUBSCRIPTION] }),
    '1.json:2:20: expected Subscriptions in one file, got them in 0.json too',
  )
  assert.match(
    refusal({ Definition: { Functions: [] } }),
    /found neither; add what aws greengrass get-/,
  )
  assert.match(refusal({ Subscriptions: ['x'] }), /^0\.json:3:5: expected a subscription with/)
})
