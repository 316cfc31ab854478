/** Stands between a client and a broker, and cuts all connections through it when a test asks. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { resetSocket } from '../servers/reset-socket.ts'

export interface CuttingProxy {
  readonly url: string
  cut(): void
}

export async function startCuttingProxy(t: TestContext, brokerPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const broker = connect(brokerPort, '127.0.0.1')
    for (const socket of [client, broker]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        broker.destroy()
      })
    }
    client.pipe(broker).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const socket of sockets) resetSocket(socket)
  }
  t.after(() => {
    cut()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `mqtt://127.0.0.1:${address.port}`, cut }
}
