/** A real mosquitto on a free port, configured by the test and ended after it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { commandOf } from '../processes/real-peers.ts'

export interface MosquittoOptions {
  /**
   * Lines for mosquitto.conf after the listener. By default anonymous clients may do everything.
   */
  readonly config?: readonly string[]
  /** Files for the broker's directory, by name; `{dir}` in `config` stands for that directory. */
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

  /** Its log so far. */
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

  /**
   * Suspends it: connections stay, but nothing is read or answered. Then it can only be stopped.
   */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  /** Ends it. Sessions survive if `persistence` is on. */
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
  // Started by root, mosquitto would switch to a user that can't read the directory.
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

/** Mosquitto can't choose a free port itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
