/** A server in a process of its own (`server-program.ts`), ended after the test. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connectPacket } from './mqtt-wire.ts'

export interface ServerState {
  /** JavaScript heap and buffers after a garbage collection. */
  readonly heldBytes: number
  readonly rssBytes: number
  readonly connectionCount: number
  /** Messages that the intake has taken. */
  readonly messages: number
}

export class ServerProcess {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(port: number, child: ChildProcess) {
    this.port = port
    this.#child = child
  }

  static async start(
    t: TestContext,
    kind: 'mqtt' | 'tight' | 'sockets' = 'mqtt',
  ): Promise<ServerProcess> {
    const child = fork(join(import.meta.dirname, 'server-program.js'), [kind])
    t.after(async () => {
      if (child.exitCode !== null) return
      child.disconnect()
      await once(child, 'exit')
    })
    const [port] = (await once(child, 'message')) as [number]
    return new ServerProcess(port, child)
  }

  async state(): Promise<ServerState> {
    this.#child.send('state')
    const [state] = (await once(this.#child, 'message')) as [ServerState]
    return state
  }
}

/** A connected client, much cheaper than an MqttWire. The caller destroys it after the test. */
export async function letIn(port: number, clientId: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(connectPacket({ clientId }))
  const [connack] = (await once(socket, 'data')) as [Buffer]
  if (connack[3] !== 0) throw new Error(`${clientId}: CONNACK ${connack.toString('hex')}`)
  return socket
}

/** Opens `count` clients, `concurrency` at a time. */
export async function letInMany(
  t: TestContext,
  { port }: ServerProcess,
  count: number,
  concurrency: number,
): Promise<Socket[]> {
  const sockets: Socket[] = []
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  let next = 0
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < count) sockets.push(await letIn(port, `client-${next++}`))
    }),
  )
  return sockets
}
