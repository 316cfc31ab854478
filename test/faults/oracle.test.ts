/** The rig's judge: what it takes for a fault, and what it does not. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { EndpointAnswer } from './endpoint-answer.ts'
import { newFigures } from './figures.ts'
import { payloadOf } from './numbered-message.ts'
import { Oracle } from './oracle.ts'

const name = { publisher: 'p0', number: 1 }
const payload = Buffer.from(payloadOf(name))

function oracle(): Oracle {
  return new Oracle({
    channels: new Map([['p0', 'alpha']]),
    unordered: new Set(),
    position: () => 0,
  })
}

function violationsOf(judge: Oracle): readonly string[] {
  const figures = newFigures()
  judge.tally(figures)
  return figures.violations
}

/** The endpoint's side of a connection, and the connector's. */
async function connection(t: TestContext): Promise<{ endpoint: Socket; connector: Socket }> {
  const server = createServer()
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  const connector = connect({ port: address.port, host: '127.0.0.1' })
  t.after(() => connector.destroy())
  const [endpoint]: Socket[] = await once(server, 'connection')
  if (endpoint === undefined) throw new Error('no connection')
  t.after(() => endpoint.destroy())
  endpoint.resume()
  return { endpoint, connector }
}

test('a message sent again over the connection on which it was accepted is a fault of the connector', async (t) => {
  const judge = oracle()
  const { endpoint } = await connection(t)

  judge.delivered('alpha', 'm1', payload, EndpointAnswer.to(endpoint))
  judge.delivered('alpha', 'm1', payload, EndpointAnswer.to(endpoint))

  assert.match(violationsOf(judge).join(), /p0\/1 was sent again though it was taken/)
})

test('a message sent again after the connector gave its request up is no fault of the connector', async (t) => {
  const judge = oracle()
  const { endpoint, connector } = await connection(t)
  const other = await connection(t)

  judge.delivered('alpha', 'm1', payload, EndpointAnswer.to(endpoint))
  connector.destroy()
  judge.delivered('alpha', 'm1', payload, EndpointAnswer.to(other.endpoint))
  await once(endpoint, 'close')

  assert.deepEqual(violationsOf(judge), [])
})

test('a message sent again while the connection on which it was accepted stays open is a fault of the connector', async (t) => {
  const judge = oracle()
  const first = await connection(t)
  const other = await connection(t)

  judge.delivered('alpha', 'm1', payload, EndpointAnswer.to(first.endpoint))
  judge.delivered('alpha', 'm1', payload, EndpointAnswer.to(other.endpoint))

  assert.match(violationsOf(judge).join(), /p0\/1 was sent again though it was taken/)
})

test('a message on another sender’s channel is a fault of the connector', async (t) => {
  const judge = oracle()
  const { endpoint } = await connection(t)

  judge.delivered('beta', 'm1', payload, EndpointAnswer.to(endpoint))

  assert.match(violationsOf(judge).join(), /altered on beta/)
})
