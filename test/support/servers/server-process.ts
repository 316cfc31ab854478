/** A real server as a child process with a directory of its own, ended and removed after the test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 50
const PATIENCE_MS = 60_000
const KEPT_OUTPUT = 20_000

/** What a server needs of a test: something to do at its end. */
export interface Cleanup {
  after(release: () => unknown): void
}

export interface ServerCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Tries whether it answers; false or a rejection means not yet. */
  readonly answers: () => Promise<boolean>
}

export class ServerProcess {
  readonly #command: ServerCommand
  #child: ChildProcess | undefined
  #output = ''

  constructor(t: Cleanup, command: ServerCommand) {
    this.#command = command
    t.after(() => this.kill())
  }

  /** The newest part of what it printed. */
  get output(): string {
    return this.#output
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves when it answers. After `kill` or `stop` it may be started again. */
  async start(): Promise<void> {
    const { command, args, env, cwd, answers } = this.#command
    const child = spawn(command, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    })
    this.#child = child
    child.once('error', (error) => this.#take(String(error)))
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.#take(text))
    }
    const givesUpAt = performance.now() + PATIENCE_MS
    while (!(await answers().catch(() => false))) {
      if (hasEnded(child)) throw new Error(`${command} ended:\n${this.#output}`)
      if (performance.now() > givesUpAt) {
        throw new Error(`${command} does not answer:\n${this.#output}`)
      }
      await delay(POLL_MS)
    }
  }

  /** Suspends it: connections stay open, but nothing is answered until `thaw`. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Kills it, and resolves when it answers again. */
  async crash(): Promise<void> {
    await this.kill()
    await this.start()
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.pid === undefined || hasEnded(child)) return
    const ended = once(child, 'exit')
    child.kill(signal)
    child.kill('SIGCONT')
    await ended
  }

  #take(text: string): void {
    this.#output = `${this.#output}${text}`.slice(-KEPT_OUTPUT)
  }
}

/** A new directory that is removed after the test. Ask for it before the server that uses it. */
export function serverDirectory(t: Cleanup, name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `${name}-`))
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }))
  return directory
}

/** Ports of 127.0.0.1 that nothing listens on, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  const ports: number[] = []
  for (const server of servers) {
    if (!server.listening) await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    ports.push(address.port)
  }
  for (const server of servers) {
    server.close()
    await once(server, 'close')
  }
  return ports
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
