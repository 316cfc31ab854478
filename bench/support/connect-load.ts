/** Connections as load: opened and closed again, or opened and left idle. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { IdleTask, StormTask } from './broker-task.ts'
import { connectPacket } from './mqtt-packets.ts'

const CONNACK_ACCEPTED = 0
const DISCONNECT = Buffer.from([0xe0, 0])

/** Resolves when CONNACK has come; a server that refuses ends the run. */
export async function openClient(port: number, clientId: string, isClean = true): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  // It is sent with the handshake's last segment, because there is nothing to wait for.
  socket.write(connectPacket(clientId, isClean))
  const [connack] = (await once(socket, 'data')) as [Buffer]
  if (connack[3] !== CONNACK_ACCEPTED) throw new Error(`CONNACK ${connack.toString('hex')}`)
  return socket
}

export class ConnectStorm {
  readonly #task: StormTask
  #opened = 0

  constructor(task: StormTask) {
    this.#task = task
  }

  async run(count: number): Promise<number> {
    const last = this.#opened + count
    await Promise.all(
      Array.from({ length: this.#task.concurrency }, async () => {
        while (this.#opened < last) await this.#comeAndGo(this.#opened++)
      }),
    )
    return count
  }

  async #comeAndGo(index: number): Promise<void> {
    const socket = await openClient(this.#task.port, `storm-${index}`)
    socket.resume()
    socket.end(DISCONNECT)
    await once(socket, 'close')
  }
}

export async function holdIdle({ port, connections, concurrency }: IdleTask): Promise<number> {
  let opened = 0
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (opened < connections) await openClient(port, `idle-${opened++}`)
    }),
  )
  return opened
}
