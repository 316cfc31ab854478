/** The test server's codec against frames recorded from AWS's client and a nucleus. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  FrameError,
  FrameReader,
  type Header,
  HeaderType,
} from '../../support/greengrass/frame.ts'
import * as known from '../../support/greengrass/known-frames.ts'
import { frameOf, type Message, messageOf } from '../../support/greengrass/message.ts'
import { until } from '../../support/until.ts'
import { awsClient } from './aws-ipc-client.ts'

const MAX_BYTES = 1 << 20
const nothing = { type: 0, flags: 0, streamId: 0, headers: {}, payload: Buffer.alloc(0) }
const json = (value: unknown) => Buffer.from(JSON.stringify(value))

/** The recorded frames with what they say, except those that only clients send. */
const SERVER_MESSAGES: readonly (readonly [hex: string, message: Message])[] = [
  [known.CONNECTION_ACCEPTED, { ...nothing, type: 5, flags: 1 }],
  [known.CONNECTION_REFUSED, { ...nothing, type: 5 }],
  [known.TERMINATE_STREAM_1, { ...nothing, flags: 2, streamId: 1 }],
  [
    known.SUBSCRIBED,
    {
      ...nothing,
      streamId: 1,
      headers: {
        ':content-type': 'application/json',
        'service-model-type': 'aws.greengrass#SubscribeToTopicResponse',
      },
      payload: json({}),
    },
  ],
]

const CLIENT_MESSAGES: readonly (readonly [hex: string, message: Message])[] = [
  [
    known.CONNECT,
    {
      ...nothing,
      type: 4,
      headers: { ':version': '0.1.0' },
      payload: json({ authToken: known.KNOWN_TOKEN }),
    },
  ],
  [
    known.SUBSCRIBE,
    {
      ...nothing,
      streamId: 1,
      headers: { operation: 'aws.greengrass#SubscribeToTopic' },
      payload: json(known.SUBSCRIBE_REQUEST),
    },
  ],
]

test('recorded frames are read as what they say', () => {
  for (const [hex, message] of [...SERVER_MESSAGES, ...CLIENT_MESSAGES]) {
    assert.deepEqual(messageOf(decodeFrame(Buffer.from(hex, 'hex'))), message)
  }
})

test('messages are written as the recorded frames, byte for byte', () => {
  for (const [hex, message] of SERVER_MESSAGES) {
    assert.equal(encodeFrame(frameOf(message, 'last')).toString('hex'), hex)
  }
  // A client writes the version first, and the operation last.
  const [connect, subscribe] = CLIENT_MESSAGES.map(([, message]) => message)
  assert.ok(connect !== undefined && subscribe !== undefined)
  assert.equal(encodeFrame(frameOf(connect, 'last')).toString('hex'), known.CONNECT)
  assert.equal(encodeFrame(frameOf(subscribe, 'first')).toString('hex'), known.SUBSCRIBE)
  const least = encodeFrame({ headers: [], payload: Buffer.alloc(0) })
  assert.equal(least.toString('hex'), known.LEAST_FRAME)
})

test("AWS's client sends the recorded frames, and takes those of a nucleus", async (t) => {
  const { path, received, send } = await startRecorder(t)
  const client = await connectRecorded()
  const subscribed = client.topics.subscribe(known.SUBSCRIBE_REQUEST, () => {})
  await received(known.CONNECT + known.SUBSCRIBE)
  send(known.SUBSCRIBED)
  const { close } = await subscribed
  await close()

  await received(known.CONNECT + known.SUBSCRIBE + known.TERMINATE_STREAM_1)

  async function connectRecorded() {
    const connecting = awsClient.connect(t, path, known.KNOWN_TOKEN)
    await received(known.CONNECT)
    send(known.CONNECTION_ACCEPTED)
    return connecting
  }
})

/** A Unix socket that records what comes and sends what it is asked to. */
async function startRecorder(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'recorder-'))
  const path = join(directory, 'ipc.socket')
  const sockets: Socket[] = []
  let bytes = Buffer.alloc(0)
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
    })
    socket.on('error', () => {})
  })
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await rm(directory, { recursive: true })
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    path,
    /** Resolves when as many bytes have come; they must be these. */
    async received(hex: string): Promise<void> {
      await until('the frames had come', () => bytes.length >= hex.length / 2)
      assert.equal(bytes.toString('hex'), hex)
    },
    send: (hex: string) => sockets[0]?.write(Buffer.from(hex, 'hex')),
  }
}

/** The lengths of the values of fixed length, by type. */
const FIXED_BYTES = new Map([
  [HeaderType.true, 0],
  [HeaderType.false, 0],
  [HeaderType.int8, 1],
  [HeaderType.int16, 2],
  [HeaderType.int32, 4],
  [HeaderType.int64, 8],
  [HeaderType.timestamp, 8],
  [HeaderType.uuid, 16],
] as [number, number][])

const header = fc.constantFrom(...Object.values(HeaderType)).chain((type) => {
  const fixed = FIXED_BYTES.get(type)
  const lengths = fixed === undefined ? { maxLength: 300 } : { minLength: fixed, maxLength: fixed }
  return fc
    .tuple(fc.stringMatching(/^[a-z:-]{1,20}$/), fc.uint8Array(lengths))
    .map(([name, value]): Header => ({ name, type, value: Buffer.from(value) }))
})

const frame = fc
  .tuple(fc.array(header, { maxLength: 5 }), fc.uint8Array({ maxLength: 100 }))
  .map(([headers, payload]): Frame => ({ headers, payload: Buffer.from(payload) }))

test('frames come out as they went in, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 3 }),
      fc.integer({ min: 1, max: 64 }),
      (frames, chunkBytes) => {
        const bytes = Buffer.concat(frames.map(encodeFrame))
        const reader = new FrameReader(MAX_BYTES)
        const out: Frame[] = []
        for (let at = 0; at < bytes.length; at += chunkBytes) {
          out.push(...reader.push(bytes.subarray(at, at + chunkBytes)))
        }
        assert.deepEqual(out, frames)
      },
    ),
    { numRuns: 100 },
  )
})

test('a frame with a bit flipped is an error or incomplete, never another frame', () => {
  const bytes = Buffer.from(known.SUBSCRIBE, 'hex')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.throws(() => [...new FrameReader(MAX_BYTES).push(flipped)], FrameError, `bit ${bit}`)
  }
})
