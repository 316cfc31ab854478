/** `run --greengrass` as a component of a nucleus, classic and lite. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLASSIC, LITE } from '../support/greengrass/character.ts'
import {
  CONFIGURATION,
  envelope,
  FILTERS,
  NAME,
  PUT,
  PUT_BINARY,
  pageOf,
  siteOf,
  startComponent,
  totalsOf,
} from '../support/greengrass/component-site.ts'
import { startNucleus } from '../support/greengrass/nucleus-server.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

for (const character of [CLASSIC, LITE]) {
  test(`${character.name}: messages are taken, and each has its status`, async (t) => {
    const { server, connector, statuses } = await siteOf(t, { character })

    server.publish(PUT, { json: envelope('{"temp":23.33}', 'as JSON') })
    server.publish(PUT, { binary: Buffer.from(JSON.stringify(envelope('x', 'as bytes'))) })
    server.publish(PUT_BINARY, { binary: Buffer.from([0, 1, 2]) })
    server.publish(PUT, { binary: Buffer.from('no envelope') })
    await until('all have a status', () => statuses().length === 4)

    const shown = statuses().map(({ id, response }) => [id, response.error ?? response.status])
    assert.deepEqual(
      shown.sort(),
      [
        ['as JSON', 'success'],
        ['as bytes', 'success'],
        [undefined, 'InvalidMessage'],
        [undefined, 'success'],
      ].sort(),
    )
    assert.deepEqual(server.statesOf(NAME), ['RUNNING'])
    const { received, dropped } = await totalsOf(connector)
    assert.deepEqual([received, dropped], [4, { InvalidMessage: 1 }])
  })

  test(`${character.name}: a changed configuration is applied while messages come, and no message is missed`, async (t) => {
    const { server, statuses, connector } = await siteOf(t, { character })
    let published = 0
    const publishing = setInterval(() => {
      server.publish(PUT, { json: envelope('x', `m${published}`) })
      published += 1
    }, 2)
    t.after(() => clearInterval(publishing))
    await until('it is under load', () => statuses().length > 50)

    server.configure(NAME, ['IotAnalyticsDefaultChannelName'], 'plant')
    server.configure(NAME, ['inputs', 'presses'], 'factory/presses')
    await until('the new input is subscribed', () =>
      server.filtersOf(NAME).includes('factory/presses'),
    )
    server.publish('factory/presses', { binary: Buffer.from('1') })
    clearInterval(publishing)
    await until('all have a status', () => statuses().length > published)

    const ids = new Set(statuses().map(({ id }) => id))
    assert.equal(ids.size, published + 1)
    assert.ok(statuses().every(({ response }) => response.status === 'success'))
    assert.equal((await totalsOf(connector)).received, published + 1)
  })
}

test('a configuration that is not valid is refused before a deployment, and not applied after one', async (t) => {
  const { server, connector, statuses } = await siteOf(t)

  const report = await server.propose(NAME, { ...CONFIGURATION, MemorySize: 'much' })
  const accepted = await server.propose(NAME, { ...CONFIGURATION, MemorySize: '1000' })
  server.configure(NAME, ['MemorySize'], 'much')
  await connector.command.says(/The changed configuration is not used: .*MemorySize.*got "much"/s)
  server.publish(PUT, { json: envelope('x', 'after') })
  await until('it still works', () => statuses().some(({ id }) => id === 'after'))

  assert.equal(report.status, 'REJECTED')
  assert.match(String(report.message), /MemorySize .*got "much"/)
  assert.equal(accepted.status, 'ACCEPTED')
})

test('after kill -9, what had a status is stored, and the next process goes on', async (t) => {
  const { server, connector, directory, statuses } = await siteOf(t)
  for (let n = 0; n < 200; n++) server.publish(PUT, { json: envelope('x', `m${n}`) })
  await until('some have a status', () => statuses().length > 20)
  await connector.crash()
  const known = statuses().length

  const next = await startComponent(t, server, directory)
  server.publish(PUT, { json: envelope('x', 'next') })
  await until('it goes on', () => statuses().some(({ id }) => id === 'next'))

  const { received } = await totalsOf(next)
  assert.ok(received > known && received <= 201, `${received} stored, ${known} had a status`)
})

test('nucleus lite restarts and forgets the token: the component logs in by its name', async (t) => {
  const { server, statuses } = await siteOf(t, { character: LITE })

  await server.restart()
  await until('it has subscribed again', () => server.filtersOf(NAME).length === FILTERS.length)
  server.publish(PUT, { json: envelope('x', 'after') })
  await until('it goes on', () => statuses().some(({ id }) => id === 'after'))

  assert.deepEqual(server.connected(), [NAME])
})

test('nucleus lite drops subscriptions silently: they are made again within 20 seconds', async (t) => {
  const { server, statuses } = await siteOf(t, { character: LITE })
  server.dropSubscriptions()

  await until('they are back', () => server.filtersOf(NAME).length === FILTERS.length, 20_000)
  server.publish(PUT, { json: envelope('x', 'after') })
  await until('it goes on', () => statuses().some(({ id }) => id === 'after'))
})

test('without the permission to subscribe, health says which policy to add', async (t) => {
  const server = await startNucleus(t, CLASSIC)
  server.addComponent(NAME, { ...CONFIGURATION, accessControl: {} })
  const args = ['--greengrass', NAME, '--data', await temporaryDirectory(t)]
  const connector = new ConnectorProcess(t, args, {
    withMqttServer: false,
    env: server.environmentOf(NAME),
  })
  await connector.started()

  const health = () => pageOf(connector, '/health')
  await until('health says so', async () => (await health()).includes('SubscribeToTopic'))

  assert.match(await health(), /accessControl, under aws\.greengrass\.ipc\.pubsub/)
})

test('a configuration that is not valid at the start is named, and the state is ERRORED', async (t) => {
  const server = await startNucleus(t, CLASSIC)
  server.addComponent(NAME, { ...CONFIGURATION, MemorySize: 'much' })
  const args = ['--greengrass', NAME, '--data', await temporaryDirectory(t)]
  const connector = new ConnectorProcess(t, args, {
    withMqttServer: false,
    env: server.environmentOf(NAME),
  })

  const { code, stderr } = await connector.ends()

  assert.equal(code, 2)
  assert.match(stderr, /MemorySize.*got "much"/)
  assert.deepEqual(server.statesOf(NAME), ['ERRORED'])
})

test('a script with the name of another component ends with that name', async (t) => {
  const server = await startNucleus(t, CLASSIC)
  server.addComponent(NAME, CONFIGURATION)
  const args = ['--greengrass', 'com.acme.Other', '--data', await temporaryDirectory(t)]
  const env = server.environmentOf(NAME)

  const { code, stderr } = await new ConnectorProcess(t, args, {
    withMqttServer: false,
    env,
  }).ends()

  assert.equal(code, 1)
  assert.match(stderr, /reading the configuration of com\.acme\.Other: .*ResourceNotFoundError/)
})

test('without a nucleus it says what it needs, and has exit code 2', async (t) => {
  const args = ['--greengrass', NAME, '--data', await temporaryDirectory(t)]

  const { code, stderr } = await new ConnectorProcess(t, args, { withMqttServer: false }).ends()

  assert.equal(code, 2)
  assert.match(stderr, /expected to be started by a Greengrass nucleus.* SVCUID/)
})

test('it stops at SIGTERM within the deadline', async (t) => {
  const { connector } = await siteOf(t)

  connector.signal('SIGTERM')
  connector.signal('SIGTERM')
  const { code, stdout } = await connector.ends()

  assert.equal(code, 0)
  assert.match(stdout, /Stopped\./)
})
