import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Component } from '../../../../src/greengrass/component/component.ts'
import type { EventHandler, IpcCaller, JsonObject } from '../../../../src/greengrass/ipc/caller.ts'
import { IpcError } from '../../../../src/greengrass/ipc/ipc-error.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { settled } from '../../../support/settled.ts'

const NAME = 'com.example.Connector'

class FakeIpc implements IpcCaller {
  configuration: JsonObject = { PublishInterval: '1' }
  readonly requests: { readonly operation: string; readonly payload: JsonObject }[] = []
  readonly handlers = new Map<string, EventHandler>()
  readonly unavailable = new Set<string>()

  async request(operation: string, payload: JsonObject): Promise<JsonObject> {
    this.#refuse(operation)
    this.requests.push({ operation, payload })
    return operation === 'GetConfiguration' ? { value: this.configuration } : {}
  }

  async subscribe(operation: string, _payload: JsonObject, handler: EventHandler) {
    this.#refuse(operation)
    this.handlers.set(operation, handler)
    return { close() {} }
  }

  of(operation: string): JsonObject[] {
    return this.requests.filter((each) => each.operation === operation).map((each) => each.payload)
  }

  changed(): void {
    const configurationUpdateEvent = { componentName: NAME, keyPath: ['PublishInterval'] }
    this.handlers.get('SubscribeToConfigurationUpdate')?.event({ configurationUpdateEvent })
  }

  propose(configuration: JsonObject): void {
    const validateConfigurationUpdateEvent = { configuration, deploymentId: 'd1' }
    this.handlers
      .get('SubscribeToValidateConfigurationUpdates')
      ?.event({ validateConfigurationUpdateEvent })
  }

  #refuse(operation: string): void {
    if (this.unavailable.has(operation)) throw new IpcError('ServiceError', 'not here')
  }
}

async function componentOn(ipc: FakeIpc, isLite = false) {
  const clock = new ManualClock()
  const changes: unknown[] = []
  const failures: string[] = []
  const component = new Component({
    name: NAME,
    clock,
    onChanged: (value) => void changes.push(value),
    problemOf: async (value) => (JSON.stringify(value).includes('bad') ? 'it is bad' : undefined),
    onFailed: (error) => void failures.push(error.message),
  })
  const configuration = await component.read(ipc)
  component.connected(ipc, isLite)
  await settled()
  const pass = async (ms: number) => {
    clock.advance(ms)
    await settled()
  }
  return { component, configuration, changes, failures, pass }
}

test('the whole configuration of the component is read', async () => {
  const ipc = new FakeIpc()

  const { configuration, changes } = await componentOn(ipc)

  assert.deepEqual(configuration, { PublishInterval: '1' })
  assert.deepEqual(ipc.of('GetConfiguration')[0], { componentName: NAME, keyPath: [] })
  assert.deepEqual(changes, [])
})

test('several events of one deployment are one change, and an event without a change is none', async () => {
  const ipc = new FakeIpc()
  const { changes, pass } = await componentOn(ipc)
  ipc.changed()
  await pass(1_000)
  assert.deepEqual(changes, [])

  ipc.configuration = { PublishInterval: '2' }
  ipc.changed()
  await pass(900)
  ipc.changed()
  await pass(900)
  assert.deepEqual(changes, [])
  await pass(100)

  assert.deepEqual(changes, [{ PublishInterval: '2' }])
})

test('what only the nucleus and the recipe read, and the order of keys, are no change', async () => {
  const ipc = new FakeIpc()
  ipc.configuration = { PublishInterval: '1', MemorySize: '5', accessControl: {} }
  const { changes, pass } = await componentOn(ipc)

  ipc.configuration = {
    MemorySize: '5',
    PublishInterval: '1',
    nodePath: 'n',
    accessControl: { a: 1 },
  }
  ipc.changed()
  await pass(1_000)

  assert.deepEqual(changes, [])
})

test('a change without an event is noticed within a minute', async () => {
  const ipc = new FakeIpc()
  ipc.unavailable.add('SubscribeToConfigurationUpdate')
  const { changes, pass } = await componentOn(ipc)

  for (const interval of ['2', '3']) {
    ipc.configuration = { PublishInterval: interval }
    await pass(60_000)
  }

  assert.deepEqual(changes, [{ PublishInterval: '2' }, { PublishInterval: '3' }])
})

test('a change that was missed is noticed on the next connection', async () => {
  const { component, changes } = await componentOn(new FakeIpc())
  const next = new FakeIpc()
  next.configuration = { PublishInterval: '3' }

  component.connected(next, false)
  await settled()

  assert.deepEqual(changes, [{ PublishInterval: '3' }])
})

test('a proposed configuration is accepted, or rejected with the reason', async () => {
  const ipc = new FakeIpc()
  await componentOn(ipc)

  ipc.propose({ PublishInterval: '2' })
  ipc.propose({ PublishInterval: 'bad' })
  await settled()

  assert.deepEqual(ipc.of('SendConfigurationValidityReport'), [
    { configurationValidityReport: { deploymentId: 'd1', status: 'ACCEPTED' } },
    {
      configurationValidityReport: { deploymentId: 'd1', status: 'REJECTED', message: 'it is bad' },
    },
  ])
})

test('nucleus lite is not asked for proposed configurations', async () => {
  const ipc = new FakeIpc()
  ipc.unavailable.add('SubscribeToValidateConfigurationUpdates')

  const { failures } = await componentOn(ipc, true)

  assert.deepEqual(failures, [])
})

test('the state is reported, and again on a new connection', async () => {
  const ipc = new FakeIpc()
  const { component } = await componentOn(ipc)
  await component.report('RUNNING')
  const next = new FakeIpc()

  component.connected(next, false)
  await settled()

  assert.deepEqual(
    [ipc.of('UpdateState'), next.of('UpdateState')],
    [[{ state: 'RUNNING' }], [{ state: 'RUNNING' }]],
  )
})

test('a state that is reported while the connection is made is reported once', async () => {
  const ipc = new FakeIpc()
  const { component } = await componentOn(ipc)
  const next = new FakeIpc()

  component.connected(next, false)
  await component.report('ERRORED')
  await settled()

  assert.deepEqual(next.of('UpdateState'), [{ state: 'ERRORED' }])
})

test('what does not work is reported, and the rest works', async () => {
  const ipc = new FakeIpc()
  ipc.unavailable.add('SubscribeToConfigurationUpdate')

  const { failures } = await componentOn(ipc)

  assert.deepEqual(failures, ['subscribing to changes of the configuration: not here'])
  assert.ok(ipc.handlers.has('SubscribeToValidateConfigurationUpdates'))
})
