/** Hostile peers that the connector itself connects to: destinations and brokers. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { attack, number } from '../support/attacks/attack.ts'
import { PROGRAM } from '../support/attacks/attacked-program.ts'
import { FAKE_IDENTITY } from '../support/destinations/fake-iot-analytics.ts'
import { publishPacket } from '../support/mqtt/mqtt-wire.ts'
import { RunningCommand, runCommand } from '../support/processes/command-line.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const MEBIBYTE = 1024 * 1024

/** A destination that refuses everything at length. */
function verboseDestination() {
  const message = 'x'.repeat(MEBIBYTE - 200)
  const refusal = JSON.stringify({ __type: 'InvalidRequestException', message })
  const server = createHttpServer((request, response) => {
    request.resume().on('end', () => {
      calls++
      response.writeHead(400, { 'content-type': 'application/json' })
      response.end(refusal)
    })
  })
  let calls = 0
  return { server, calls: () => calls }
}

const destination = verboseDestination()
await once(destination.server.listen(0, '127.0.0.1'), 'listening')
destination.server.unref()
const broker = createServer(serveAsBroker)
await once(broker.listen(0, '127.0.0.1'), 'listening')
broker.unref()

function portOf(server: { address(): unknown }): number {
  return (server.address() as { port: number }).port
}

attack('a destination that refuses with 1 MB of text each time is remembered in few words', {
  maxGrownMb: 160,
  against: ['defaults'],
  config: {
    parameters: { IotAnalyticsBatchSizePerChannel: '10' },
    destinations: [
      {
        iotAnalytics: {
          endpoint: `http://127.0.0.1:${portOf(destination.server)}`,
          region: 'us-west-2',
          credentials: FAKE_IDENTITY,
        },
      },
    ],
  },
  play: async (target) => {
    const payload = JSON.stringify({ request: { message: '{}' } })
    for (let round = 0; round < number(25, 250); round++) {
      const before = destination.calls()
      await target.flood(50, (index) => {
        const topic = `iotanalytics/channels/c${index % 5}/messages/put`
        return publishPacket({ topic, payload, qos: 1, id: index + 1 })
      })
      const untilMs = performance.now() + 1_500
      while (destination.calls() < before + 5 && performance.now() < untilMs) await setTimeout(5)
    }
    return undefined
  },
})

let subscribed: Promise<Socket> = new Promise(() => undefined)

/** Says what a client wants to hear. */
function serveAsBroker(socket: Socket): void {
  subscribed = new Promise((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      if ((bytes[0] ?? 0) >> 4 === 8) resolve(socket)
    })
  })
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => {
    const type = (bytes[0] ?? 0) >> 4
    if (type === 1) socket.write(Buffer.from('20020000', 'hex'))
    if (type === 8) socket.write(Buffer.from([0x90, 3, bytes[2] ?? 0, bytes[3] ?? 1, 1]))
  })
}

/** Sends one packet of 256 MB, until the client is gone. */
async function sendEndlessly(socket: Socket): Promise<void> {
  socket.write(Buffer.from('30ffffff7f000161', 'hex'))
  const part = Buffer.alloc(MEBIBYTE, 'x')
  for (let sent = 0; sent < number(150, 250) && !socket.destroyed; sent++) {
    if (!socket.write(part)) {
      await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined)
    }
  }
}

attack('a broker that sends a packet of 256 MB is cut off', {
  maxGrownMb: 80,
  against: ['defaults'],
  config: {
    inputs: ['factory/#'],
    parameters: { IotAnalyticsDefaultChannelName: 'factory' },
    sources: { mqttClient: { url: `mqtt://127.0.0.1:${portOf(broker)}` } },
  },
  play: async () => {
    const socket = await subscribed
    await sendEndlessly(socket)
    assert.ok(socket.destroyed, 'the connector took all of it')
    return undefined
  },
})

test('a secret in the query of a broker’s URL is printed nowhere', async (t: TestContext) => {
  const directory = await temporaryDirectory(t)
  const url = 'wss://127.0.0.1:1/mqtt?X-Amz-Signature=very-secret&token=as-secret'
  const settings = [
    ...['--set', `sources.mqttClient.url=${url}`, '--set', 'inputs[0]=factory/#'],
    ...['--set', 'parameters.IotAnalyticsDefaultChannelName=factory', '--data', directory],
    ...['--set', 'http.port=0'],
  ]
  const checked = await runCommand(t, ['check', ...settings], { script: PROGRAM })
  const running = new RunningCommand(t, ['run', '--banner', ...settings], { script: PROGRAM })
  await running.says(/Ctrl-C stops/)
  // The connection is refused, which is logged.
  await setTimeout(200)

  for (const { stdout, stderr } of [checked, running]) {
    assert.match(stdout, /127\.0\.0\.1/)
    assert.doesNotMatch(stdout + stderr, /very-secret|as-secret/)
  }
})
