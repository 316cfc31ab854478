/**
 * Stands between a destination and its server, and makes the network fail as a test asks. A server
 * that tells clients where to connect must name the proxy's port.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Cleanup } from '../servers/server-process.ts'

/**
 * `hang`: nothing goes through. `lose-answers`: requests go through, and their connection is cut
 * when the answer comes. `cut`: connections are cut.
 */
export type FaultMode = 'pass' | 'hang' | 'lose-answers' | 'cut'

export interface FaultProxy {
  readonly port: number
  set(mode: FaultMode): void
  /** Answers come later by this time, until the next `set`. */
  slow(delayMs: number): void
  /** Resolves when bytes of a client have arrived. */
  reached(): Promise<void>
}

/** @param port of the proxy: a free one */
export async function startFaultProxy(
  t: Cleanup,
  port: number,
  serverPort: number,
): Promise<FaultProxy> {
  const sockets = new Set<Socket>()
  let mode: FaultMode = 'pass'
  let delayMs = 0
  let onReached: (() => void) | undefined
  const server = createServer((client) => {
    if (mode === 'cut') {
      client.resetAndDestroy()
      return
    }
    const upstream = connect(serverPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (bytes) => {
      onReached?.()
      if (mode !== 'hang') upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (mode === 'lose-answers') client.resetAndDestroy()
      else if (mode === 'hang') return
      else if (delayMs === 0) client.write(bytes)
      else setTimeout(() => client.write(bytes), delayMs)
    })
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    port,
    set(next) {
      // Connections of which bytes were held back are of no use any more.
      if (mode === 'hang' || next === 'cut') for (const socket of sockets) socket.resetAndDestroy()
      mode = next
      delayMs = 0
    },
    slow(byMs) {
      delayMs = byMs
    },
    reached() {
      return new Promise((resolve) => {
        onReached = resolve
      })
    },
  }
}
