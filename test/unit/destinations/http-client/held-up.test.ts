/** The process was held up, or suspended, while an answer came in. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../../../src/clock.ts'
import { HttpSender } from '../../../../src/destinations/http-client/http-sender.ts'

const TIMEOUT_MS = 50
const HELD_UP_MS = 200

/** It answers in a thread of its own while this one stands still. */
const PEER = `
  const { createServer } = require('node:net')
  const { parentPort } = require('node:worker_threads')
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}'))
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

test('an answer that came in time counts, although the process was held up beyond the time limit', async (t) => {
  const peer = new Worker(PEER, { eval: true })
  t.after(() => peer.terminate())
  const [port]: number[] = await once(peer, 'message')
  const sender = new HttpSender({
    origin: `http://127.0.0.1:${port}`,
    access: { place: 'destinations[0].iotAnalytics' },
    timeoutMs: TIMEOUT_MS,
    maxConnections: 1,
    clock: systemClock,
  })
  sender.open()
  t.after(() => sender.close())
  const post = () => {
    const bytes = Buffer.from('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n')
    return sender.send(() => ({ bytes, release() {} }), new AbortController().signal)
  }
  await post()

  // The connection is open, so that this one is written before the process stands still.
  const posted = post()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HELD_UP_MS)

  assert.equal((await posted).status, 200)
})
