/**
 * The program as an operator runs it, in a process of its own, while it is attacked: what it uses,
 * what it says, and whether it lives. `ATTACK_PROGRAM=…/dist/program/main.js` attacks another build,
 * `ATTACK_HEAP_MB=512` gives it a small heap.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const MAIN = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.js')
export const PROGRAM: string = process.env['ATTACK_PROGRAM'] ?? MAIN
const HEAP_MB = process.env['ATTACK_HEAP_MB']
const START_WITHIN_MS = 60_000
/** The log line that says where it listens. */
const STARTED = /^\{.*"event":"started".*\}$/m
/** The kernel counts the time of a process in hundredths of a second. */
const TICKS_A_SECOND = 100
const MAX_KEPT_OUTPUT = 100_000

export class AttackedProgram {
  readonly pid: number
  /** How long the start took. */
  readonly startS: number
  readonly #child: ReturnType<typeof spawn>
  readonly #output: Output

  private constructor(child: ReturnType<typeof spawn>, output: Output, startS: number) {
    this.#child = child
    this.pid = child.pid ?? 0
    this.#output = output
    this.startS = startS
  }

  /** Resolves when it takes messages. */
  static async start(
    t: TestContext,
    directory: string,
    args: readonly string[],
  ): Promise<AttackedProgram> {
    const startMs = performance.now()
    const environment = Object.entries(process.env).filter(([name]) => !/^(AWS|IOT_)/.test(name))
    const heap = HEAP_MB === undefined ? {} : { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` }
    const child = spawn(process.execPath, [PROGRAM, 'run', ...args], {
      cwd: directory,
      env: { ...Object.fromEntries(environment), ...heap },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.after(() => child.kill('SIGKILL'))
    const output = new Output(child)
    const isUp = await output.says(STARTED, START_WITHIN_MS)
    if (!isUp) throw new Error(`the program did not start: ${output.text}`)
    return new AttackedProgram(child, output, (performance.now() - startMs) / 1000)
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The beginning of what it has written. */
  get output(): string {
    return this.#output.text
  }

  /** Bytes it has written to standard output and standard error, which is where its log goes. */
  get outputBytes(): number {
    return this.#output.bytes
  }

  get residentMb(): number {
    return this.#statusMb('VmRSS')
  }

  /** The most that it has used since `forgetPeak`. */
  get peakMb(): number {
    return this.#statusMb('VmHWM')
  }

  get cpuS(): number {
    // The name in brackets may hold spaces; utime and stime are the 12th and 13th values behind it.
    const values = this.#proc('stat').split(') ')[1]?.split(' ') ?? []
    return (Number(values[11] ?? 0) + Number(values[12] ?? 0)) / TICKS_A_SECOND
  }

  /** Sockets it holds, those that listen included. */
  get socketCount(): number {
    const folder = `/proc/${this.pid}/fd`
    return readdirSync(folder).filter((name) => isSocket(join(folder, name))).length
  }

  forgetPeak(): void {
    if (this.isAlive) writeFileSync(`/proc/${this.pid}/clear_refs`, '5')
  }

  /** The port of an address that it has logged, such as `mqtts`. */
  portOf(scheme: string): number {
    const { sources, http } = JSON.parse(STARTED.exec(this.output)?.[0] ?? '{}')
    const addresses = scheme === 'http' ? String(http) : String(sources)
    return Number(new RegExp(`\\b${scheme}://[^\\s/]*:(\\d+)`).exec(addresses)?.[1] ?? 0)
  }

  reload(): void {
    this.#child.kill('SIGHUP')
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    if (!this.isAlive) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }

  #statusMb(name: string): number {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(this.#proc('status'))?.[1]
    return Number(kilobytes ?? Number.NaN) / 1024
  }

  #proc(file: string): string {
    try {
      return readFileSync(`/proc/${this.pid}/${file}`, 'utf8')
    } catch {
      return ''
    }
  }
}

class Output {
  text = ''
  bytes = 0
  #isEnded = false
  #wake: () => void = () => undefined

  constructor(child: ReturnType<typeof spawn>) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.bytes += text.length
        if (this.text.length < MAX_KEPT_OUTPUT) this.text += text
        this.#wake()
      })
    }
    child.once('exit', () => {
      this.#isEnded = true
      this.#wake()
    })
  }

  async says(pattern: RegExp, withinMs: number): Promise<boolean> {
    const untilMs = performance.now() + withinMs
    while (!pattern.test(this.text)) {
      const leftMs = untilMs - performance.now()
      if (this.#isEnded || leftMs <= 0) return false
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return true
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    return false
  }
}
