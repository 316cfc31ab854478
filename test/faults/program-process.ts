/** The program itself, `run`, as one process of the rig: with its signals and its deadline. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ConfigInput } from '../../src/index.ts'
import type { Addresses, RigProcess } from './hosted-connector.ts'

const START_PATIENCE_MS = 60_000
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.js')
const SLOW_SYNCS = join(import.meta.dirname, 'slow-syncs.js')
const ENDS_WITH_PARENT = join(import.meta.dirname, 'ends-with-parent.js')

export interface ProgramOptions {
  readonly deadlineMs: number
  /** After SIGUSR2 each sync takes this much longer. */
  readonly syncMs: number
  /** The script that is run; by default the compiled program. */
  readonly main?: string
}

export class ProgramProcess implements RigProcess {
  readonly child: ChildProcess
  /** Where it listens; undefined when it ended before, or took too long. */
  readonly started: Promise<Addresses | undefined>
  readonly ended: Promise<void>
  readonly refusal = undefined
  #output = ''

  /** @param configPath where the configuration is written */
  constructor(
    { deadlineMs, syncMs, main = MAIN }: ProgramOptions,
    config: ConfigInput,
    configPath: string,
  ) {
    writeFileSync(configPath, JSON.stringify(config)) // JSON is YAML too
    const args = ['run', '--banner', '--config', configPath, '--deadline', `${deadlineMs}ms`]
    const loaded = ['--import', SLOW_SYNCS, '--import', ENDS_WITH_PARENT]
    this.child = spawn(process.execPath, [...loaded, main, ...args], {
      env: {
        ...process.env,
        FAULTS_SYNC_MS: String(syncMs),
        FAULTS_PARENT: String(process.pid),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.ended = once(this.child, 'exit').then(() => undefined)
    const listening = new Promise<Addresses | undefined>((resolve) => {
      const take = (text: string) => {
        this.#output = `${this.#output}${text}`.slice(-4_000)
        const mqtt = /^ {2}listens on +(mqtt:\S+)/m.exec(this.#output)?.[1]
        const http = /^ {2}http +(http:\S+)/m.exec(this.#output)?.[1]
        if (mqtt !== undefined && http !== undefined) resolve({ mqtt, http })
      }
      this.child.stdout?.setEncoding('utf8').on('data', take)
      this.child.stderr?.setEncoding('utf8').on('data', take)
    })
    const patience = delay(START_PATIENCE_MS, undefined, { ref: false })
    this.started = Promise.race([listening, this.ended.then(() => undefined), patience])
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  get stderr(): string {
    return this.#output
  }

  /** The program takes signals alone. */
  order(): void {}

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}
