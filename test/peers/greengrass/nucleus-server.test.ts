/** The test server on the wire, where AWS's client shows no difference between the nuclei. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { COMPONENT, CONFIGURATION } from '../../contract/greengrass/ipc-site.ts'
import { CHARACTERS, type Character, CLASSIC, LITE } from '../../support/greengrass/character.ts'
import { HeaderType, int32Header } from '../../support/greengrass/frame.ts'
import * as known from '../../support/greengrass/known-frames.ts'
import { type NucleusServer, startNucleus } from '../../support/greengrass/nucleus-server.ts'
import { settled } from '../../support/settled.ts'
import { until } from '../../support/until.ts'
import { IpcWire } from './ipc-wire.ts'

interface Wired {
  readonly nucleus: NucleusServer
  readonly wire: IpcWire
}

async function openWire(t: TestContext, character: Character): Promise<Wired> {
  const nucleus = await startNucleus(t, character)
  nucleus.addComponent(COMPONENT, CONFIGURATION)
  return { nucleus, wire: await IpcWire.open(t, nucleus) }
}

/** A wire whose first message, the acknowledgement, has come. */
async function loggedIn(t: TestContext, character: Character): Promise<Wired> {
  const { nucleus, wire } = await openWire(t, character)
  wire.logIn({ authToken: nucleus.tokenOf(COMPONENT) })
  await wire.message(0)
  return { nucleus, wire }
}

test('a login is accepted with the recorded frame', async (t) => {
  for (const character of CHARACTERS) {
    const { wire } = await loggedIn(t, character)

    assert.equal(wire.bytes.toString('hex'), known.CONNECTION_ACCEPTED, character.name)
  }
})

test('classic answers a refused login and closes; lite closes silently', async (t) => {
  const answers = { classic: known.CONNECTION_REFUSED, lite: '' }
  for (const character of CHARACTERS) {
    const { wire } = await openWire(t, character)

    wire.logIn({ authToken: known.KNOWN_TOKEN })

    await wire.closed()
    assert.equal(wire.bytes.toString('hex'), answers[character.name])
  }
})

test('lite takes a component by its name and answers with its token; classic refuses', async (t) => {
  const classic = await openWire(t, CLASSIC)
  classic.wire.logIn({ componentName: COMPONENT })
  await classic.wire.closed()

  const { nucleus, wire } = await openWire(t, LITE)
  const oldToken = nucleus.tokenOf(COMPONENT)
  await nucleus.restart()
  await wire.closed()
  const again = await IpcWire.open(t, nucleus)
  again.logIn({ componentName: COMPONENT })

  const { flags, headers } = await again.message(0)
  assert.equal(flags, 1)
  assert.equal(headers['svcuid'], nucleus.tokenOf(COMPONENT))
  assert.notEqual(headers['svcuid'], oldToken)
})

test('a login is not answered while the nucleus hangs', async (t) => {
  const { nucleus, wire } = await openWire(t, LITE)

  nucleus.hang()
  wire.logIn({ authToken: nucleus.tokenOf(COMPONENT) })
  await settled()
  assert.deepEqual(nucleus.logins(), [])
  nucleus.recover()

  assert.equal((await wire.message(0)).flags, 1)
})

test('an unknown name is refused by both', async (t) => {
  for (const character of CHARACTERS) {
    const { wire } = await openWire(t, character)

    wire.logIn({ componentName: 'com.example.Unknown' })

    await wire.closed()
  }
})

test('classic ends the stream with the flag of a last answer; lite has no flag', async (t) => {
  for (const character of CHARACTERS) {
    const { wire } = await loggedIn(t, character)

    wire.request(1, 'UpdateState', { state: 'RUNNING' })
    wire.request(2, 'SubscribeToTopic', { topic: 'exact' })

    assert.equal((await wire.message(1)).flags, character === CLASSIC ? 2 : 0)
    assert.equal((await wire.message(2)).flags, 0)
  }
})

test('the answer to a subscription is the recorded frame of classic', async (t) => {
  const { nucleus, wire } = await loggedIn(t, CLASSIC)
  const keyPath = ['accessControl', 'aws.greengrass.ipc.pubsub', 'policy:9']
  const { topic } = known.SUBSCRIBE_REQUEST
  nucleus.configure(COMPONENT, keyPath, { operations: ['*'], resources: [topic] })

  wire.request(1, 'SubscribeToTopic', known.SUBSCRIBE_REQUEST)

  await wire.message(1)
  const expected = known.CONNECTION_ACCEPTED + known.SUBSCRIBED
  assert.equal(wire.bytes.toString('hex'), expected)
})

test('errors have both texts on classic and one on lite', async (t) => {
  for (const character of CHARACTERS) {
    const { wire } = await loggedIn(t, character)

    wire.request(1, 'GetConfiguration', { keyPath: ['nowhere'] })

    const { type, flags, headers, payload } = await wire.message(1)
    assert.deepEqual([type, flags], [1, 2])
    assert.equal(headers['service-model-type'], 'aws.greengrass#ResourceNotFoundError')
    const own = { _message: 'Key not found', _errorCode: 'ResourceNotFoundError' }
    const classic = { message: 'Key not found', _service: 'GreengrassCoreIPC', ...own }
    assert.deepEqual(JSON.parse(payload.toString()), character === CLASSIC ? classic : own)
  }
})

test('an unknown operation, and a request that is no JSON, have errors of their own', async (t) => {
  const classic = await loggedIn(t, CLASSIC)
  classic.wire.request(1, 'Dance', {})
  classic.wire.send({
    streamId: 2,
    headers: { operation: 'aws.greengrass#UpdateState' },
    payload: Buffer.from('{'),
  })
  const unsupported = await classic.wire.message(1)
  const unreadable = await classic.wire.message(2)
  assert.match(unsupported.payload.toString(), /Unsupported Operation/)
  assert.equal(unsupported.headers['service-model-type'], undefined)
  assert.equal(unreadable.headers[':content-type'], 'text/plain')

  const lite = await loggedIn(t, LITE)
  lite.wire.request(1, 'Dance', {})
  const refused = await lite.wire.message(1)
  assert.equal(refused.headers['service-model-type'], 'aws.greengrass#ServiceError')
  assert.equal(refused.payload.toString(), '{"_message":"","_errorCode":"ServiceError"}')
})

test('classic closes when a stream is not the next one; lite takes any', async (t) => {
  const { wire } = await loggedIn(t, CLASSIC)
  wire.request(1, 'UpdateState', { state: 'RUNNING' })
  wire.request(3, 'UpdateState', { state: 'RUNNING' })
  await wire.closed()
  assert.deepEqual(
    wire.messages.map(({ type }) => type),
    [5, 0, 6],
  )

  const lite = await loggedIn(t, LITE)
  lite.wire.request(7, 'UpdateState', { state: 'RUNNING' })
  assert.equal((await lite.wire.message(1)).streamId, 7)
})

test('classic answers a ping with its payload; lite closes', async (t) => {
  const ping = { type: 2, headers: { name: 'x' }, payload: Buffer.from('here') }
  const { wire } = await loggedIn(t, CLASSIC)
  wire.send(ping)
  const { type, headers, payload } = await wire.message(1)
  assert.deepEqual([type, headers, payload.toString()], [3, { name: 'x' }, 'here'])

  const lite = await loggedIn(t, LITE)
  lite.wire.send(ping)
  await lite.wire.closed()
})

test("the server's ping can be answered", async (t) => {
  const { nucleus, wire } = await loggedIn(t, CLASSIC)

  nucleus.ping(Buffer.from('there'))
  const { type, payload } = await wire.message(1)
  wire.send({ type: 3, payload })

  assert.equal(type, 2)
  await until('the answer had come', () => nucleus.pingResponses().length === 1)
  assert.equal(String(nucleus.pingResponses()[0]), 'there')
})

test('a header of another type than int32 or string ends the connection on lite alone', async (t) => {
  for (const character of CHARACTERS) {
    const { nucleus, wire } = await loggedIn(t, character)
    const common = [':message-type', ':message-flags', ':stream-id']
    const headers = common.map((name, i) => int32Header(name, i >> 1))
    const operation = Buffer.from('aws.greengrass#UpdateState')
    wire.sendFrame({
      headers: [
        ...headers,
        { name: 'extra', type: HeaderType.true, value: Buffer.alloc(0) },
        { name: 'operation', type: HeaderType.string, value: operation },
      ],
      payload: Buffer.from('{"state":"RUNNING"}'),
    })

    if (character === LITE) await wire.closed()
    else assert.equal((await wire.message(1)).type, 0)
    assert.equal(nucleus.statesOf(COMPONENT).length, character === LITE ? 0 : 1)
  }
})

test('numbers become doubles on classic, and keys are sorted on lite', async (t) => {
  const json = { b: 1, a: [2, 0.5, 12_345_678] }
  const texts = {
    classic: '{"b":1.0,"a":[2.0,0.5,1.2345678E7]}',
    lite: '{"a":[2,0.5,12345678],"b":1}',
  }
  for (const character of CHARACTERS) {
    const { nucleus, wire } = await loggedIn(t, character)
    wire.request(1, 'SubscribeToTopic', { topic: 'exact' })
    await wire.message(1)

    nucleus.publish('exact', { json })

    const { headers, payload } = await wire.message(2)
    assert.equal(headers['service-model-type'], 'aws.greengrass#SubscriptionResponseMessage')
    const context = '{"topic":"exact"}'
    const expected = `{"jsonMessage":{"message":${texts[character.name]},"context":${context}}}`
    assert.equal(payload.toString(), expected)
  }
})

test('an event that is torn garbles what comes after it', async (t) => {
  const { nucleus, wire } = await loggedIn(t, LITE)
  wire.request(1, 'SubscribeToTopic', { topic: 'exact' })
  await wire.message(1)

  nucleus.tearNextEvent()
  for (let i = 0; i < 3; i++) nucleus.publish('exact', { binary: Buffer.from('whole') })

  await until('the bytes were garbage', () => wire.isGarbled)
  assert.equal(wire.messages.length, 2)
})

test('too long policies make everything unauthorized on lite', async (t) => {
  const { nucleus, wire } = await loggedIn(t, LITE)
  const keyPath = ['accessControl', 'aws.greengrass.ipc.pubsub', 'long']
  const resources = Array.from({ length: 150 }, (_, i) => `a/resource/with/a/long/name/${i}/*`)
  wire.request(1, 'SubscribeToTopic', { topic: 'exact' })
  assert.equal((await wire.message(1)).type, 0)

  nucleus.configure(COMPONENT, keyPath, { operations: ['*'], resources })
  wire.request(2, 'SubscribeToTopic', { topic: 'exact' })

  assert.equal((await wire.message(2)).type, 1)
})
