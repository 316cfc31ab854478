/**
 * Starts the built connector as a process of its own, on a core of its own, and reads its costs.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { cpuSecondsOf, rssBytesOf } from './process-cost.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')

/** The program of a built checkout. */
export function programOf(root: string): string {
  return join(root, 'dist', 'program', 'main.js')
}

/** So rarely that polling costs the connector next to nothing. */
const SETTLED_POLL_MS = 100

/** Runs a command under `taskset -c <core>`, where that exists. */
export function pinned(
  core: number,
  command: string,
  args: readonly string[],
  stdin: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  const isPinnable = existsSync('/usr/bin/taskset')
  const all = isPinnable ? ['-c', String(core), command, ...args] : args
  return spawn(isPinnable ? '/usr/bin/taskset' : command, all, {
    stdio: [stdin, 'pipe', 'inherit'],
  })
}

/**
 * Pins this process, with all its threads, to a core, so that it does not disturb the measurement.
 */
export function pinThisProcess(core: number): void {
  spawnSync('taskset', ['-a', '-p', '-c', String(core), String(process.pid)])
}

/** Reads the child's output line by line; each call gives the next. */
export function linesOf(child: ChildProcess): () => Promise<string> {
  if (child.stdout === null) throw new Error('no output to read')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return async () => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error('the process ended before it said anything')
    return value
  }
}

export async function stopped(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}

interface ConnectorParts {
  readonly port: number
  readonly httpPort: number
  readonly startUpMs: number
}

export class ConnectorProcess {
  readonly port: number
  readonly httpPort: number
  readonly startUpMs: number
  readonly #child: ChildProcess
  readonly #directory: string

  private constructor(child: ChildProcess, directory: string, parts: ConnectorParts) {
    this.#child = child
    this.#directory = directory
    this.port = parts.port
    this.httpPort = parts.httpPort
    this.startUpMs = parts.startUpMs
  }

  /**
   * Resolves when the connector answers on its ports. `config` is completed with free ports and,
   * unless it names one, with a directory that is removed when the connector stops.
   */
  static async start(
    config: Record<string, unknown>,
    core: number,
    nodeFlags: readonly string[] = [],
    program = programOf(ROOT),
  ): Promise<ConnectorProcess> {
    const directory = await mkdtemp(join(process.env['BENCH_DIRECTORY'] ?? tmpdir(), 'bench-'))
    const file = join(directory, 'config.json')
    const [port, httpPort] = [await freePort(), await freePort()]
    const storage = { directory: join(directory, 'data'), ...Object(config['storage']) }
    const { mqttServer, ...sources } = Object(config['sources'])
    await writeFile(
      file,
      JSON.stringify({
        ...config,
        storage,
        sources: { ...sources, mqttServer: { ...mqttServer, port } },
        http: { port: httpPort },
      }),
    )
    const startedAt = performance.now()
    const profile = process.env['BENCH_PROFILE']
    const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
    const child = pinned(core, process.execPath, [
      ...nodeFlags,
      ...flags,
      program,
      'run',
      '--config',
      file,
    ])
    child.stdout?.resume()
    await untilReady(httpPort, child)
    return new ConnectorProcess(child, directory, {
      port,
      httpPort,
      startUpMs: performance.now() - startedAt,
    })
  }

  /** The directory of its files. */
  get directory(): string {
    return this.#directory
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** User and system time of all threads so far. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.pid)
  }

  /**
   * Resolves when every accepted message is settled; acknowledged ones may still wait before that.
   */
  async settled(): Promise<void> {
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${this.httpPort}/ledger?format=json`)
      const { totals } = (await answer.json()) as { totals: { waiting: number; inFlight: number } }
      if (totals.waiting + totals.inFlight === 0) return
      await new Promise((resolve) => setTimeout(resolve, SETTLED_POLL_MS))
    }
  }

  rssMegabytes(): number {
    return Math.round(rssBytesOf(this.pid) / 1024 / 1024)
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await stopped(this.#child, signal)
    await rm(this.#directory, { recursive: true, force: true })
  }
}

async function untilReady(httpPort: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the connector ended with ${child.exitCode}`)
    if ((await statusOf(`http://127.0.0.1:${httpPort}/health/ready`)) === 200) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Undefined while nothing listens. */
function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    request.on('error', () => resolve(undefined))
  })
}

export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
