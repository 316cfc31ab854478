/** Clients of the HTTP server that open many connections, and one that only asks for its health. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`

/** Connections that send `text` and then nothing. They read nothing until somebody resumes them. */
export async function openSockets(
  t: TestContext,
  port: number,
  count: number,
  text: string,
): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (let i = 0; i < count; i++) {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    socket.pause()
    sockets.push(socket)
    await once(socket, 'connect')
    socket.write(text)
  }
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  return sockets
}

/** Milliseconds until `/health` is answered with 200 on a new connection. */
export async function healthMs(port: number): Promise<number> {
  const start = performance.now()
  const answer = await textFrom(port, GET('/health'))
  if (!answer.startsWith('HTTP/1.1 200')) throw new Error(`health answered ${answer.slice(0, 200)}`)
  return performance.now() - start
}

/** The first bytes of the answer to `text`, sent on a new connection. */
export async function textFrom(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    socket.write(text)
    const [chunk] = await once(socket, 'data', { signal: AbortSignal.timeout(3_000) })
    return String(chunk)
  } finally {
    socket.destroy()
  }
}
