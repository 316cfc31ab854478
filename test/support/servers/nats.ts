/** A NATS server with JetStream, in a directory of its own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { findCommand } from './find-command.ts'
import { type Cleanup, freePort, ServerProcess, serverDirectory } from './server-process.ts'

const COMMAND = findCommand('nats-server')

export const skipWithoutNats: string | false =
  COMMAND === undefined ? 'nats-server is missing: apt-get install nats-server' : false

const QUESTIONS_AT_ONCE = 200

export interface NatsServerOptions {
  /** More lines of the configuration, for example users and TLS. */
  readonly config?: string
  /** With which the test connects. */
  readonly connection?: Parameters<typeof connect>[0]
}

export interface StoredMessage {
  readonly subject: string
  readonly sequence: number
  readonly headers: ReadonlyMap<string, string>
  readonly payload: Buffer
}

interface ApiMessage {
  readonly error?: unknown
  readonly message: { subject: string; seq: number; hdrs?: string; data?: string }
}

export class NatsServer {
  readonly port: number
  readonly process: ServerProcess
  readonly #connection: NatsServerOptions['connection']

  constructor(port: number, process: ServerProcess, connection: NatsServerOptions['connection']) {
    this.port = port
    this.process = process
    this.#connection = connection
  }

  /** Calls JetStream's API. */
  async api<Answer>(subject: string, question: object = {}): Promise<Answer> {
    return await this.connected(async (connection) => {
      const answer = await connection.request(`$JS.API.${subject}`, JSON.stringify(question))
      return answer.json<Answer>()
    })
  }

  async connected<Result>(work: (connection: NatsConnection) => Promise<Result>): Promise<Result> {
    const connection = await connect({ ...this.#connection, servers: `127.0.0.1:${this.port}` })
    try {
      return await work(connection)
    } finally {
      await connection.close()
    }
  }

  /** What the stream has of a subject, in order. */
  async stored(stream: string, subject: string): Promise<StoredMessage[]> {
    return await this.connected(async (connection) => {
      const found: StoredMessage[] = []
      for (let sequence = 1; ; ) {
        const question = { seq: sequence, next_by_subj: subject }
        const message = await messageIn(connection, stream, question)
        if (message === undefined) return found
        found.push(message)
        sequence = message.sequence + 1
      }
    })
  }

  /** All that the stream has, in order. */
  async everything(stream: string): Promise<StoredMessage[]> {
    const { state } = await this.api<{ state: { last_seq: number } }>(`STREAM.INFO.${stream}`)
    return await this.connected(async (connection) => {
      const found: StoredMessage[] = []
      for (let first = 1; first <= state.last_seq; first += QUESTIONS_AT_ONCE) {
        const count = Math.min(QUESTIONS_AT_ONCE, state.last_seq - first + 1)
        const asked = Array.from({ length: count }, (_, i) =>
          messageIn(connection, stream, { seq: first + i }),
        )
        const messages = await Promise.all(asked)
        found.push(...messages.filter((message) => message !== undefined))
      }
      return found
    })
  }
}

async function messageIn(
  connection: NatsConnection,
  stream: string,
  question: object,
): Promise<StoredMessage | undefined> {
  const subject = `$JS.API.STREAM.MSG.GET.${stream}`
  const answer = await connection.request(subject, JSON.stringify(question))
  const { error, message } = answer.json<ApiMessage>()
  if (error !== undefined) return undefined
  return {
    subject: message.subject,
    sequence: message.seq,
    headers: headersIn(message.hdrs),
    payload: Buffer.from(message.data ?? '', 'base64'),
  }
}

export async function startNats(
  t: Cleanup,
  { config = '', connection = {} }: NatsServerOptions = {},
): Promise<NatsServer> {
  const directory = serverDirectory(t, 'nats')
  const port = await freePort()
  const file = join(directory, 'nats.conf')
  const store = JSON.stringify(join(directory, 'data'))
  writeFileSync(
    file,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${store}, max_mem: 64M, max_file: 1G }\n${config}\n`,
  )
  const server: NatsServer = new NatsServer(
    port,
    new ServerProcess(t, {
      command: COMMAND ?? 'nats-server',
      args: ['-c', file],
      answers: async () => {
        const { error } = await server.api<{ error?: unknown }>('INFO')
        return error === undefined
      },
    }),
    connection,
  )
  await server.process.start()
  return server
}

function headersIn(base64 = ''): Map<string, string> {
  const lines = Buffer.from(base64, 'base64').toString('utf8').split('\r\n').slice(1)
  return new Map(
    lines
      .filter((line) => line !== '')
      .map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon), line.slice(colon + 1).trim()]
      }),
  )
}
