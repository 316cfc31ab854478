/**
 * Reports to systemd, as sd_notify(3) says: messages can come in, files are read again, the program
 * stops, and, for the watchdog, that all is well. All is well if the event loop turns and the disk
 * leaves no commit unanswered; a disk that refuses writes does answer, and a restart would not help.
 *
 * Node has no datagram sockets of Unix, so each report is sent by the program systemd-notify.
 * Without NOTIFY_SOCKET in the environment nothing is reported.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Clock, Timer } from '../../../clock.ts'
import { messageOf } from '../../../errors.ts'
import { SerialQueue } from '../../../serial-queue.ts'

const PROGRAM = 'systemd-notify'
/** systemd-notify waits for systemd to have read the report. */
const SEND_DEADLINE_MS = 10_000
/** Reports in each period of the watchdog; one of them may be late. */
const PINGS_PER_PERIOD = 3

export interface ServiceManagerOptions {
  readonly environment: NodeJS.ProcessEnv
  readonly pid: number
  readonly clock: Clock
  /** How long the disk has left a commit unanswered; 0 while none is written. */
  readonly commitPendingMs: () => number
  /** A report could not be sent. */
  readonly onFailed: (reason: string) => void
  /** The watchdog is not told that all is well. Called once for each time that the disk hangs. */
  readonly onDiskHangs: (pendingMs: number) => void
}

export class ServiceManager {
  readonly #options: ServiceManagerOptions
  readonly #reports = new SerialQueue()
  readonly #watchdogMs: number | undefined
  #timer: Timer | undefined
  #isDiskHanging = false

  constructor(options: ServiceManagerOptions) {
    this.#options = options
    this.#watchdogMs = watchdogPeriod(options.environment, options.pid)
  }

  /** Messages can come in, or come in still after `reloading`. */
  ready(): void {
    this.#send('READY=1', 'STATUS=Messages are taken, stored and delivered.')
    if (this.#timer === undefined) this.#watch()
  }

  reloading(): void {
    this.#send('RELOADING=1', 'STATUS=Certificates, users and access rules are read again.')
  }

  /** The watchdog goes on: also a stop may hang. */
  stopping(): void {
    this.#send('STOPPING=1', 'STATUS=Messages that wait are delivered or kept.')
  }

  close(): void {
    this.#timer?.cancel()
  }

  #watch(): void {
    if (this.#watchdogMs === undefined) return
    this.#ping(this.#watchdogMs)
    const pauseMs = this.#watchdogMs / PINGS_PER_PERIOD
    this.#timer = this.#options.clock.after(pauseMs, () => this.#watch())
  }

  /** A commit that began well before the last report, and has not ended, means that the disk hangs. */
  #ping(periodMs: number): void {
    const { commitPendingMs, onDiskHangs } = this.#options
    const pendingMs = commitPendingMs()
    const isHanging = pendingMs > periodMs / 2
    if (!isHanging) this.#send('WATCHDOG=1')
    else if (!this.#isDiskHanging) onDiskHangs(pendingMs)
    this.#isDiskHanging = isHanging
  }

  #send(...assignments: readonly string[]): void {
    const { environment, onFailed } = this.#options
    const { NOTIFY_SOCKET, PATH } = environment
    if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === '') return
    // The environment may have secrets, which another program does not need.
    const options = { env: { NOTIFY_SOCKET, PATH }, timeout: SEND_DEADLINE_MS }
    void this.#reports
      .run(() => promisify(execFile)(PROGRAM, assignments, options))
      .catch((thrown) => onFailed(messageOf(thrown).trim()))
  }
}

/** Undefined if this process is not watched. */
function watchdogPeriod(environment: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { WATCHDOG_USEC, WATCHDOG_PID } = environment
  const periodMs = Number(WATCHDOG_USEC) / 1000
  const isForThisProcess = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid
  return isForThisProcess && periodMs > 0 ? periodMs : undefined
}
