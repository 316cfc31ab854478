/** The operations of a nucleus, as they are asked and answered. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EventHandler, IpcCaller, JsonObject } from '../../../../src/greengrass/ipc/caller.ts'
import { IpcError } from '../../../../src/greengrass/ipc/ipc-error.ts'
import {
  getConfiguration,
  publishToIotCore,
  publishToTopic,
  sendConfigurationValidityReport,
  subscribeToConfigurationUpdate,
  subscribeToIotCore,
  subscribeToTopic,
  subscribeToValidateConfigurationUpdates,
  updateState,
} from '../../../../src/greengrass/ipc/operations.ts'

/** Keeps what is called, and answers with `response`. */
function recordingCaller(response: JsonObject = {}) {
  const calls: [operation: string, payload: unknown][] = []
  const handlers: EventHandler[] = []
  const ipc: IpcCaller = {
    async request(operation, payload) {
      calls.push([operation, JSON.parse(JSON.stringify(payload))])
      return response
    },
    async subscribe(operation, payload, handler) {
      calls.push([operation, JSON.parse(JSON.stringify(payload))])
      handlers.push(handler)
      return { close() {} }
    },
  }
  const event = (payload: JsonObject) => handlers.some((handler) => handler.event(payload))
  const end = (error: IpcError) => handlers.forEach((handler) => void handler.ended(error))
  return { ipc, calls, event, end }
}

/** Keeps events. */
function inbox<Event>() {
  const events: Event[] = []
  const ended: string[] = []
  return {
    events,
    ended,
    handler: {
      event: (event: Event) => void events.push(event),
      ended: ({ code }: IpcError) => void ended.push(code),
    },
  }
}

const HELLO = Buffer.from('hello').toString('base64')

describe('local messages', () => {
  test('a subscription asks for all messages, and takes bytes and JSON from one topic', async () => {
    const { ipc, calls, event, end } = recordingCaller()
    const { handler, events, ended } = inbox()

    await subscribeToTopic(ipc, 'plant/+', handler)
    const context = { topic: 'plant/a' }
    assert.ok(event({ binaryMessage: { message: HELLO, context } }))
    assert.ok(event({ jsonMessage: { message: { n: 1 }, context } }))
    assert.ok(event({ jsonMessage: { message: null, context } }))
    assert.ok(event({ binaryMessage: { message: '', context } }))
    end(new IpcError('StreamEnded', ''))

    assert.deepEqual(calls, [
      ['SubscribeToTopic', { topic: 'plant/+', receiveMode: 'RECEIVE_ALL_MESSAGES' }],
    ])
    assert.deepEqual(events, [
      { topic: 'plant/a', payload: Buffer.from('hello') },
      { topic: 'plant/a', json: { n: 1 } },
      { topic: 'plant/a', json: null },
      { topic: 'plant/a', payload: Buffer.alloc(0) },
    ])
    assert.deepEqual(ended, ['StreamEnded'])
  })

  test('a nucleus that does not send the topic leaves it undefined', async () => {
    const { ipc, event } = recordingCaller()
    const { handler, events } = inbox()

    await subscribeToTopic(ipc, 'plant/+', handler)
    event({ binaryMessage: { message: HELLO } })
    event({ jsonMessage: { message: 1, context: {} } })

    assert.deepEqual(events, [
      { topic: undefined, payload: Buffer.from('hello') },
      { topic: undefined, json: 1 },
    ])
  })

  test('an event of another form is not a message', async () => {
    const { ipc, event } = recordingCaller()
    const { handler, events } = inbox()
    await subscribeToTopic(ipc, 'plant/+', handler)

    const others = [
      {},
      { binaryMessage: null },
      { binaryMessage: {} },
      { binaryMessage: { message: 5 } },
      { jsonMessage: 'text' },
      { jsonMessage: { context: { topic: 'plant/a' } } },
    ]
    for (const other of others) assert.equal(event(other), false)

    assert.deepEqual(events, [])
  })

  test('a message is published as bytes or as JSON', async () => {
    const { ipc, calls } = recordingCaller()

    await publishToTopic(ipc, 'status', { payload: Buffer.from('hello') })
    await publishToTopic(ipc, 'status', { json: { n: 1 } })

    assert.deepEqual(calls, [
      [
        'PublishToTopic',
        { topic: 'status', publishMessage: { binaryMessage: { message: HELLO } } },
      ],
      [
        'PublishToTopic',
        { topic: 'status', publishMessage: { jsonMessage: { message: { n: 1 } } } },
      ],
    ])
  })
})

describe('messages of AWS IoT Core', () => {
  test('a subscription names its QoS as text, and takes payloads', async () => {
    const { ipc, calls, event } = recordingCaller()
    const { handler, events } = inbox()

    await subscribeToIotCore(ipc, 'cloud/#', 1, handler)
    assert.ok(event({ message: { topicName: 'cloud/a', payload: HELLO } }))
    assert.ok(event({ message: { topicName: 'cloud/b' } }))
    assert.equal(event({ message: { payload: HELLO } }), false)
    assert.equal(event({ message: { topicName: 'cloud/a', payload: {} } }), false)
    assert.equal(event({}), false)

    assert.deepEqual(calls, [['SubscribeToIoTCore', { topicName: 'cloud/#', qos: '1' }]])
    assert.deepEqual(events, [
      { topic: 'cloud/a', payload: Buffer.from('hello') },
      { topic: 'cloud/b', payload: Buffer.alloc(0) },
    ])
  })

  test('a message is published with its QoS and payload', async () => {
    const { ipc, calls } = recordingCaller()

    await publishToIotCore(ipc, { topic: 'cloud/a', payload: Buffer.from('hello') }, 0)

    assert.deepEqual(calls, [
      ['PublishToIoTCore', { topicName: 'cloud/a', qos: '0', payload: HELLO }],
    ])
  })
})

describe('configuration', () => {
  test('a value is read by its path, of this component or another', async () => {
    const { ipc, calls } = recordingCaller({ componentName: 'us', value: { n: '5' } })

    assert.deepEqual(await getConfiguration(ipc, { keyPath: [] }), { n: '5' })
    await getConfiguration(ipc, { keyPath: ['a', 'b'], componentName: 'other' })

    assert.deepEqual(calls, [
      ['GetConfiguration', { keyPath: [] }],
      ['GetConfiguration', { keyPath: ['a', 'b'], componentName: 'other' }],
    ])
  })

  test('a change is reported with its path', async () => {
    const { ipc, calls, event } = recordingCaller()
    const { handler, events } = inbox()

    await subscribeToConfigurationUpdate(ipc, { keyPath: ['inputs'] }, handler)
    assert.ok(
      event({ configurationUpdateEvent: { componentName: 'us', keyPath: ['inputs', 'a'] } }),
    )
    assert.equal(event({ configurationUpdateEvent: { componentName: 'us' } }), false)
    assert.equal(event({}), false)

    assert.deepEqual(calls, [['SubscribeToConfigurationUpdate', { keyPath: ['inputs'] }]])
    assert.deepEqual(events, [{ keyPath: ['inputs', 'a'] }])
  })

  test('a proposed configuration is handed over, and a report names its deployment', async () => {
    const { ipc, calls, event } = recordingCaller()
    const { handler, events } = inbox()

    await subscribeToValidateConfigurationUpdates(ipc, handler)
    const proposal = { deploymentId: 'd1', configuration: { n: 1 } }
    assert.ok(event({ validateConfigurationUpdateEvent: proposal }))
    assert.equal(event({ validateConfigurationUpdateEvent: { configuration: {} } }), false)
    assert.equal(event({ validateConfigurationUpdateEvent: { deploymentId: 'd1' } }), false)
    assert.equal(event({}), false)
    const report = { deploymentId: 'd1', status: 'REJECTED', message: 'n is too small' } as const
    await sendConfigurationValidityReport(ipc, report)

    assert.deepEqual(events, [proposal])
    assert.deepEqual(calls, [
      ['SubscribeToValidateConfigurationUpdates', {}],
      ['SendConfigurationValidityReport', { configurationValidityReport: report }],
    ])
  })

  test('the state is reported', async () => {
    const { ipc, calls } = recordingCaller()

    await updateState(ipc, 'RUNNING')

    assert.deepEqual(calls, [['UpdateState', { state: 'RUNNING' }]])
  })
})
