/** A real mosquitto on a free port, with a configuration of the test's. Gone when the test ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { commandOf } from '../processes/real-peers.ts'

export interface MosquittoOptions {
  /** Lines of mosquitto.conf after the listener's; anonymous clients may do everything by default. */
  readonly config?: readonly string[]
  /** Files to be put into the broker's directory, by name; `{dir}` in `config` names it. */
  readonly files?: Readonly<Record<string, string>>
}

export class Mosquitto {
  readonly port: number
  readonly directory: string
  #process: ChildProcess | undefined
  #log = ''

  constructor(port: number, directory: string) {
    this.port = port
    this.directory = directory
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  /** What it has logged so far. */
  get log(): string {
    return this.#log
  }

  async start(): Promise<void> {
    const process = spawn(
      commandOf('mosquitto'),
      ['-v', '-c', join(this.directory, 'mosquitto.conf')],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#process = process
    process.stderr?.setEncoding('utf8')
    await new Promise<void>((resolve, reject) => {
      process.stderr?.on('data', (text: string) => {
        this.#log += text
        if (text.includes(' running')) resolve()
      })
      process.once('exit', () => reject(new Error(`mosquitto ended:\n${this.#log}`)))
    })
  }

  /** From now on it takes and answers nothing, and its connections stay. It can only be stopped. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  /** Ends it; sessions survive where `persistence` is on. */
  async stop(): Promise<void> {
    const process = this.#process
    this.#process = undefined
    if (process === undefined || process.exitCode !== null) return
    const ended = once(process, 'exit')
    process.kill('SIGTERM')
    process.kill('SIGCONT')
    await ended
  }
}

export async function startMosquitto(
  t: TestContext,
  { config = ['allow_anonymous true'], files = {} }: MosquittoOptions = {},
): Promise<Mosquitto> {
  const directory = mkdtempSync(join(tmpdir(), 'mosquitto-'))
  const broker = new Mosquitto(await freePort(), directory)
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, name), content)
  }
  // As root mosquitto would become a user who can't read the directory.
  const lines = [
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    `listener ${broker.port} 127.0.0.1`,
    ...config,
  ]
  writeFileSync(
    join(directory, 'mosquitto.conf'),
    `${lines.join('\n').replaceAll('{dir}', directory)}\n`,
  )
  t.after(async () => {
    await broker.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  await broker.start()
  return broker
}

/** Mosquitto can't choose a port itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
