/** What becomes of each kind of subscription, and of the connector's parameters. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GreengrassPlan, planFor } from '../../../../src/greengrass/plan/plan.ts'
import { parseParty, type V1Group, type V1Party } from '../../../../src/greengrass/plan/v1-group.ts'
import { PREDEFINED_FILTERS } from '../../../../src/routing/input-topics.ts'

const COMPONENT = 'com.example.IoTAnalyticsConnector'
const BRIDGE = 'aws.greengrass.clientdevices.mqtt.Bridge'
const OURS = 'arn:aws:greengrass:us-west-2::/connectors/IoTAnalytics/versions/2'
const MODBUS = 'arn:aws:greengrass:us-west-2::/connectors/ModbusRTUProtocolAdapter/versions/3'
const FUNCTION = 'arn:aws:lambda:us-west-2:123456789012:function:Reader:prod'
const DEVICE = 'arn:aws:iot:us-west-2:123456789012:thing/Pump1'
const STATUS = 'iotanalytics/messages/put/status'
const [PUT = ''] = PREDEFINED_FILTERS

type Line = readonly [source: string, subject: string, target: string]

function partyOf(arn: string): V1Party {
  const party = parseParty(arn)
  assert(party !== undefined, arn)
  return party
}

function planOf(
  lines: readonly Line[],
  connector: Partial<V1Group['connector']> = {},
): GreengrassPlan {
  const subscriptions = lines.map(([source, subject, target], index) => ({
    id: `s${index}`,
    source: partyOf(source),
    subject,
    target: partyOf(target),
  }))
  const parameters = { IotAnalyticsDefaultChannelName: 'my_channel' }
  const ours = { arn: OURS, isolationMode: undefined, parameters, ...connector }
  return planFor({ connector: ours, subscriptions }, COMPONENT)
}

/** The configuration of the connector's component without the parameters. */
function wiringOf({ merge }: GreengrassPlan) {
  const { IotAnalyticsDefaultChannelName: _, ...wiring } = merge[COMPONENT] ?? {}
  return wiring
}

function reasonsFor(plan: GreengrassPlan, what: string): string[] {
  return plan.notKept.filter((one) => one.what === what).map(({ why }) => why)
}

test('function → predefined topic → connector needs no configuration, and the sender needs a policy', () => {
  const plan = planOf([[FUNCTION, PUT, OURS]])

  assert.deepEqual(wiringOf(plan), {})
  assert.deepEqual(Object.keys(plan.merge), [COMPONENT])
  assert.match(plan.todo.join('\n'), /function Reader aws\.greengrass#PublishToTopic on iotan/)
  assert.match(plan.todo.join('\n'), /LegacySubscriptionRouter/)
  assert.deepEqual(reasonsFor(plan, 'subscription s0'), [])
})

test('a predefined topic of one channel needs no configuration either', () => {
  assert.deepEqual(wiringOf(planOf([[FUNCTION, 'iotanalytics/channels/a/messages/put', OURS]])), {})
})

test('connector → customer-defined topic → connector becomes an input with its policy', () => {
  const plan = planOf([[MODBUS, 'modbus/adapter/response', OURS]])

  assert.deepEqual(wiringOf(plan), {
    inputs: { s0: 'modbus/adapter/response' },
    accessControl: {
      'aws.greengrass.ipc.pubsub': {
        [`${COMPONENT}:inputs:1`]: {
          operations: ['aws.greengrass#SubscribeToTopic'],
          resources: ['modbus/adapter/response'],
        },
      },
    },
  })
  assert.match(plan.todo.join('\n'), /replaces connector ModbusRTUProtocolAdapter .* on modbus/)
  assert.doesNotMatch(plan.todo.join('\n'), /Lambda/)
})

test('an input with wildcards has its own text as the resource, and a topic to probe it with', () => {
  const { accessControl } = wiringOf(planOf([[FUNCTION, 'a/+/b/#', OURS]]))

  assert.deepEqual(accessControl, {
    'aws.greengrass.ipc.pubsub': {
      [`${COMPONENT}:inputs:1`]: {
        operations: ['aws.greengrass#SubscribeToTopic'],
        resources: ['a/+/b/#'],
      },
      [`${COMPONENT}:probes:1`]: {
        operations: ['aws.greengrass#PublishToTopic'],
        resources: ['a/__probe/b/__probe'],
      },
    },
  })
})

test('device → topic → connector also needs the Bridge, which no longer knows the device', () => {
  const plan = planOf([
    [DEVICE, 'factory/line1', OURS],
    [DEVICE, PUT, OURS],
  ])

  assert.deepEqual(wiringOf(plan)['inputs'], { s0: 'factory/line1' })
  assert.deepEqual(plan.merge[BRIDGE], {
    mqttTopicMapping: {
      s0: { topic: 'factory/line1', source: 'LocalMqtt', target: 'Pubsub' },
      s1: { topic: PUT, source: 'LocalMqtt', target: 'Pubsub' },
    },
  })
  assert.match(plan.todo.join('\n'), /clientdevices\.Auth .*mqtt:connect/)
  assert.match(reasonsFor(plan, 'the limit to Pump1').join(), /every client device/)
})

test('cloud → topic → connector becomes a subscription at AWS IoT Core, without the Bridge', () => {
  const plan = planOf([
    ['cloud', 'orders/#', OURS],
    ['cloud', PUT, OURS],
  ])

  assert.deepEqual(wiringOf(plan), {
    iotCoreInputs: { s0: 'orders/#', s1: PUT },
    accessControl: {
      'aws.greengrass.ipc.mqttproxy': {
        [`${COMPONENT}:mqttproxy:1`]: {
          operations: ['aws.greengrass#SubscribeToIoTCore'],
          resources: ['orders/#', PUT],
        },
      },
    },
  })
  assert.deepEqual(Object.keys(plan.merge), [COMPONENT])
})

test('shadow service → topic → connector needs the shadow manager', () => {
  const plan = planOf([['GGShadowService', '$aws/things/p/shadow/update/documents', OURS]])

  assert.deepEqual(wiringOf(plan)['inputs'], { s0: '$aws/things/p/shadow/update/documents' })
  assert.match(plan.todo.join('\n'), /Deploy aws\.greengrass\.ShadowManager/)
})

test('connector → status topic → function needs a policy of the receiver alone', () => {
  const plan = planOf([[OURS, STATUS, FUNCTION]])

  assert.deepEqual(wiringOf(plan), {})
  assert.match(plan.todo.join('\n'), /function Reader aws\.greengrass#SubscribeToTopic on iotana/)
})

test('connector → status topic → device becomes a mapping to the local broker', () => {
  const plan = planOf([[OURS, 'iotanalytics/#', DEVICE]])

  assert.deepEqual(plan.merge[BRIDGE], {
    mqttTopicMapping: { s0: { topic: STATUS, source: 'Pubsub', target: 'LocalMqtt' } },
  })
})

test('connector → status topic → cloud becomes publishing at AWS IoT Core', () => {
  assert.deepEqual(wiringOf(planOf([[OURS, STATUS, 'cloud']])), {
    iotCoreStatus: 'true',
    accessControl: {
      'aws.greengrass.ipc.mqttproxy': {
        [`${COMPONENT}:mqttproxy:2`]: {
          operations: ['aws.greengrass#PublishToIoTCore'],
          resources: [STATUS],
        },
      },
    },
  })
})

test('a subscription on which no message can flow is not kept, and the reason is given', () => {
  const plan = planOf([
    [OURS, 'factory/out', FUNCTION],
    [OURS, STATUS, 'GGShadowService'],
    [OURS, '#', OURS],
  ])

  assert.deepEqual(
    plan.subscriptions.map(({ becomes }) => becomes),
    ['Nothing.', 'Nothing.', 'Nothing.'],
  )
  assert.match(reasonsFor(plan, 'subscription s0').join(), /publishes on iotanalytics\/.* alone/)
  assert.match(reasonsFor(plan, 'subscription s1').join(), /no shadow document/)
  assert.match(reasonsFor(plan, 'subscription s2').join(), /no messages from itself/)
})

test('status messages do not go to devices if a subject of devices would bring them back', () => {
  for (const subject of ['#', 'iotanalytics/#', 'iotanalytics/messages/+/status']) {
    const plan = planOf([
      [OURS, STATUS, DEVICE],
      [DEVICE, subject, OURS],
    ])

    assert.deepEqual(plan.merge[BRIDGE], {
      mqttTopicMapping: { s1: { topic: subject, source: 'LocalMqtt', target: 'Pubsub' } },
    })
    assert.match(reasonsFor(plan, 'subscription s0').join(), /s1 takes .* in a circle/)
  }
})

test('# after a slash also means the parent level in v2, except at AWS IoT Core', () => {
  const plan = planOf([
    [FUNCTION, 'sensor/#', OURS],
    ['cloud', 'orders/#', OURS],
    [DEVICE, '#', OURS],
  ])

  assert.match(reasonsFor(plan, 'subscription s0').join(), /in v2 messages on sensor come too/)
  assert.deepEqual(reasonsFor(plan, 'subscription s1'), [])
  assert.deepEqual(reasonsFor(plan, 'subscription s2'), [])
})

test('inputs that others cover are left out, and mappings are written once', () => {
  const plan = planOf([
    [DEVICE, 'factory/line1', OURS],
    [FUNCTION, 'factory/+', OURS],
    [DEVICE, 'factory/line1', OURS],
  ])

  assert.deepEqual(wiringOf(plan)['inputs'], { s1: 'factory/+' })
  assert.deepEqual(Object.keys(Object(plan.merge[BRIDGE]).mqttTopicMapping), ['s0'])
})

test('a mapping that another covers is left out: the Bridge would forward messages twice', () => {
  const plan = planOf([
    [DEVICE, 'factory/line1', OURS],
    [DEVICE, 'factory/#', OURS],
    [OURS, STATUS, DEVICE],
  ])

  assert.deepEqual(plan.merge[BRIDGE], {
    mqttTopicMapping: {
      s1: { topic: 'factory/#', source: 'LocalMqtt', target: 'Pubsub' },
      s2: { topic: STATUS, source: 'Pubsub', target: 'LocalMqtt' },
    },
  })
})

test('the limit to the senders that subscriptions named is not kept', () => {
  const plan = planOf([
    [FUNCTION, PUT, OURS],
    [MODBUS, 'modbus', OURS],
    [DEVICE, PUT, OURS],
  ])

  assert.match(reasonsFor(plan, 'the limit to Pump1').join(), /every client device/)
  assert.match(
    reasonsFor(plan, 'the limit to Reader, ModbusRTUProtocolAdapter').join(),
    /every component that may publish/,
  )
})

test('without a default channel only predefined topics are kept', () => {
  const plan = planOf(
    [
      [FUNCTION, 'factory/#', OURS],
      [DEVICE, '#', OURS],
    ],
    { parameters: { IotAnalyticsDefaultChannelName: '' } },
  )

  assert.deepEqual(plan.merge[COMPONENT], {})
  assert.deepEqual(
    Object.values(Object(plan.merge[BRIDGE]).mqttTopicMapping).map((one) => Object(one).topic),
    PREDEFINED_FILTERS,
  )
  assert.match(reasonsFor(plan, 'subscription s0').join(), /no IotAnalyticsDefaultChannelName/)
  assert.deepEqual(reasonsFor(plan, 'the limit to Reader'), [])
  assert.match(reasonsFor(plan, 'subscription s1').join(), /only predefined topics are kept/)
})

test('parameters become text, and those that are not set keep their defaults', () => {
  const { merge } = planOf([], {
    parameters: { MemorySize: 1024, PublishInterval: '2', PublishRegion: '' },
  })

  assert.deepEqual(merge[COMPONENT], { MemorySize: '1024', PublishInterval: '2' })
})

test('IsolationMode, and a version that a subscription alone names, are not kept', () => {
  const plan = planOf([[FUNCTION, PUT, OURS.replace('/2', '/1')]], {
    isolationMode: 'GreengrassContainer',
  })

  assert.match(reasonsFor(plan, 'IsolationMode GreengrassContainer').join(), /a process of the/)
  assert.match(reasonsFor(plan, 'the connector’s version in s0').join(), /not the group’s, 2;/)
})

test('subscriptions between others are named as still to be planned', () => {
  const plan = planOf([[DEVICE, 'alarms', 'cloud']])

  assert.deepEqual(plan.subscriptions, [])
  assert.match(plan.todo.join('\n'), /do not concern the connector: s0\./)
})

test('what the files do not have is to be added', () => {
  const noConnector = planFor({ connector: undefined, subscriptions: [] }, COMPONENT)
  const noSubscriptions = planFor(
    {
      connector: { arn: OURS, isolationMode: undefined, parameters: {} },
      subscriptions: undefined,
    },
    COMPONENT,
  )

  assert.match(noConnector.todo[0] ?? '', /^Add the connector’s parameters/)
  assert.match(noSubscriptions.todo[0] ?? '', /^Add the inputs/)
})

test('a policy that must be wider than its filter, or too long for nucleus lite, is named', () => {
  const asterisk = planOf([[FUNCTION, 'a/what?/b', OURS]])
  const many = planOf(
    Array.from({ length: 60 }, (_, n): Line => [FUNCTION, `factory/${'x'.repeat(80)}/${n}`, OURS]),
  )

  assert.match(JSON.stringify(wiringOf(asterisk)['accessControl']), /"a\/what\*\/b"/)
  assert.match(reasonsFor(asterisk, 'a policy for a/what?/b alone').join(), /allows more/)
  assert.match(reasonsFor(many, 'these policies on nucleus lite').join(), /4,096 bytes/)
})

test('ids that the classic nucleus would take for the same become different keys', () => {
  const group = (ids: readonly string[]): V1Group => ({
    connector: undefined,
    subscriptions: ids.map((id) => ({
      id,
      source: partyOf(FUNCTION),
      subject: `topic/${id}`,
      target: partyOf(OURS),
    })),
  })

  const { inputs } = Object(planFor(group(['In', 'in', 'IN-2']), COMPONENT).merge[COMPONENT])

  assert.deepEqual(Object.keys(inputs), ['In', 'in-2', 'IN-2-2'])
})
