/** A persistent session for which a server must queue messages while its client is away. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { connectPacket, subscribePacket } from './mqtt-packets.ts'

const CLIENT_ID = 'absent'
const QUIET_MS = 1000
const SUBACK_BYTES = 5

export interface Delivered {
  readonly messages: number
  /** When the first message came, in milliseconds since 1970. */
  readonly firstAtMs: number | undefined
  readonly lastAtMs: number | undefined
}

/** Subscribes to everything at QoS 1 with a session that stays, and disconnects. */
export async function subscribeAndLeave(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.write(Buffer.concat([connectPacket(CLIENT_ID, false), subscribePacket('#', 1)]))
  let received = 0
  while (received < 4 + SUBACK_BYTES) {
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    received += bytes.length
  }
  socket.end(Buffer.from([0xe0, 0]))
  await once(socket, 'close')
}

/**
 * Comes back, acknowledges the kept messages, and disconnects when nothing comes for `quietMs`.
 * `seen` is called with each payload.
 */
export async function comeBack(
  port: number,
  quietMs = QUIET_MS,
  seen: (payload: Buffer) => void = () => undefined,
): Promise<Delivered> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(connectPacket(CLIENT_ID, false))
  let partial: Buffer = Buffer.alloc(0)
  let messages = 0
  let firstAtMs: number | undefined
  let lastAtMs: number | undefined
  const quiet = setTimeout(() => socket.destroy(), quietMs)
  socket.on('data', (chunk: Buffer) => {
    quiet.refresh()
    const { acks, rest } = acknowledgements(Buffer.concat([partial, chunk]), seen)
    partial = rest
    if (acks.length === 0) return
    messages += acks.length / 4
    lastAtMs = Date.now()
    firstAtMs ??= lastAtMs
    socket.write(acks)
  })
  await once(socket, 'close')
  return { messages, firstAtMs, lastAtMs }
}

/** PUBACKs for all whole PUBLISH packets of QoS 1 in `bytes`. */
function acknowledgements(
  bytes: Buffer,
  seen: (payload: Buffer) => void,
): { acks: Buffer; rest: Buffer } {
  const acks: number[] = []
  let at = 0
  for (;;) {
    const body = bodyOf(bytes, at)
    if (body === undefined || body.end > bytes.length) break
    if ((bytes[at] ?? 0) >> 4 === 3) {
      const id = body.start + 2 + bytes.readUInt16BE(body.start)
      acks.push(0x40, 2, bytes[id] ?? 0, bytes[id + 1] ?? 0)
      seen(bytes.subarray(id + 2, body.end))
    }
    at = body.end
  }
  return { acks: Buffer.from(acks), rest: bytes.subarray(at) }
}

function bodyOf(bytes: Buffer, at: number): { start: number; end: number } | undefined {
  let length = 0
  for (let index = 0; index < 4; index++) {
    const byte = bytes[at + 1 + index]
    if (byte === undefined) return undefined
    length += (byte & 0x7f) * 128 ** index
    if (byte < 0x80) return { start: at + 2 + index, end: at + 2 + index + length }
  }
  return undefined
}
