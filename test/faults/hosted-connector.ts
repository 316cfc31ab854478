/** One process of the connector, which takes orders and can be paused, stopped and killed. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { HostOptions, HostOrder, HostReport } from './connector-host.ts'

/** A start may take this long on a busy machine. */
const START_PATIENCE_MS = 60_000
const HOST = join(import.meta.dirname, 'connector-host.js')

export interface Addresses {
  readonly mqtt: string
  readonly http: string
}

/** What the rig needs of a process. */
export interface RigProcess {
  readonly child: ChildProcess
  readonly started: Promise<Addresses | undefined>
  readonly ended: Promise<void>
  readonly isAlive: boolean
  readonly refusal: string | undefined
  readonly stderr: string
  order(order: HostOrder): void
  signal(name: NodeJS.Signals): void
  kill(): Promise<void>
}

export class HostedConnector implements RigProcess {
  readonly child: ChildProcess
  /** Where it listens; undefined when it ended before, was refused, or took too long. */
  readonly started: Promise<Addresses | undefined>
  readonly ended: Promise<void>
  /** The error code of a start that was refused. */
  refusal: string | undefined
  stderr = ''

  constructor(options: HostOptions) {
    this.child = fork(HOST, [JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = `${this.stderr}${text}`.slice(-4_000)
    })
    this.ended = once(this.child, 'exit').then(() => undefined)
    const reported = new Promise<Addresses | undefined>((resolve) => {
      this.child.on('message', (report: HostReport) => {
        if ('failed' in report) {
          this.refusal = report.failed.code
          this.stderr += report.failed.message
        }
        resolve('started' in report ? report.started : undefined)
      })
    })
    const patience = delay(START_PATIENCE_MS, undefined, { ref: false })
    this.started = Promise.race([reported, this.ended.then(() => undefined), patience])
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  order(order: HostOrder): void {
    if (this.child.connected) this.child.send(order, () => {})
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}
