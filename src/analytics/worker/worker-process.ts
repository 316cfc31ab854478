/**
 * A process of its own for work with DuckDB: a crash, a limit or a kill must not touch the
 * connector. It starts with the first job and ends some time after the last one.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { setPriority, tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { ConnectorError, isOwnCode } from '../../errors.ts'
import { SerialQueue } from '../../serial-queue.ts'
import { JobError } from './job.ts'
import type { FromWorker, JobFailure, ToWorker } from './messages.ts'
import { nodeDataBytes } from './node-memory.ts'

/** A job that was cancelled has this long to end. Then its process is killed. */
const CANCEL_MS = 2_000
const KIBIBYTE = 1024
/** What Node has for files by itself. */
const POOL_THREADS = 4
/** The stack of a thread counts as data. */
const THREAD_BYTES = 8 * 1024 * KIBIBYTE
/** What a process wrote last to standard error, for the message about its end. */
const MAX_LAST_WORDS = 500

export interface WorkerOptions {
  /** The program: `WORKER_PROGRAM`. */
  readonly program: URL
  /** Memory for data besides Node's own; more ends a job or the process. None on Windows. */
  readonly memoryBytes: number
  /** 0 to 19: how far it stands back behind other processes. */
  readonly niceness: number
  /** How long it stays without a job. */
  readonly idleMs: number
  /** Environment variables besides TZ and TMPDIR. */
  readonly environment?: Readonly<Record<string, string>>
  /** Called with lines for the log, such as those that functions write. */
  readonly onLog?: (source: string, line: string) => void
  /** How many jobs may run at the same time. Default: 1 */
  readonly jobsAtOnce?: number
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined
  /** Takes what the job emits, one event at a time; the job waits while too many are not taken. */
  readonly onEvent?: ((event: unknown) => Promise<void> | void) | undefined
  readonly timeoutMs?: number | undefined
}

interface Running {
  readonly onEvent: RunOptions['onEvent']
  /** Events are taken one at a time, and the result after them. */
  readonly events: SerialQueue
  readonly settle: (answer: Answer) => void
}

type Answer = { readonly result: unknown } | { readonly error: Error }

export class WorkerProcess {
  readonly #options: WorkerOptions
  readonly #running = new Map<number, Running>()
  #child: ChildProcess | undefined
  #lastWords = ''
  #nextId = 1
  #idle: NodeJS.Timeout | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  /** Undefined while no process is there. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Runs a job of the kind `job` and resolves with its result.
   * @throws {ConnectorError} what the job threw; AnalyticsUnavailable if the process ended;
   *   QueryLimit if the job was cancelled because of its time
   * @throws the signal's reason if it was aborted
   */
  async run(job: string, request: unknown, options: RunOptions = {}): Promise<unknown> {
    const nodeBytes = await nodeDataBytes()
    options.signal?.throwIfAborted()
    const id = this.#nextId++
    const child = this.#start(nodeBytes)
    const answered = new Promise<Answer>((settle) => {
      this.#running.set(id, { onEvent: options.onEvent, events: new SerialQueue(), settle })
    })
    send(child, { kind: 'run', id, job, request })
    const cancelling = this.#cancelling(child, id, options)
    try {
      const answer = await answered
      const reason = cancelling.reason()
      if (reason !== undefined) throw reason
      if ('error' in answer) throw answer.error
      return answer.result
    } finally {
      cancelling.end()
      this.#running.delete(id)
      this.#endWhenIdle()
    }
  }

  /** Ends the process and the jobs that run in it. */
  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const child = this.#child
    if (child === undefined) return
    child.ref()
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await exited
  }

  /** Cancels the job when its time is up or its signal is aborted, and kills what does not end. */
  #cancelling(child: ChildProcess, id: number, { signal, timeoutMs }: RunOptions) {
    let reason: Error | undefined
    let killing: NodeJS.Timeout | undefined
    const cancel = (because: Error) => {
      if (reason !== undefined) return
      reason = because
      send(child, { kind: 'cancel', id })
      killing = setTimeout(() => child.kill('SIGKILL'), CANCEL_MS)
    }
    const onAbort = () => cancel(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const timeout =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => cancel(timeoutError(timeoutMs)), timeoutMs)
    return {
      reason: () => reason,
      end: () => {
        clearTimeout(timeout)
        clearTimeout(killing)
        signal?.removeEventListener('abort', onAbort)
      },
    }
  }

  #start(nodeBytes: number): ChildProcess {
    clearTimeout(this.#idle)
    if (this.#child !== undefined) {
      this.#child.ref()
      this.#child.channel?.ref()
      return this.#child
    }
    const { memoryBytes, niceness, jobsAtOnce = 1 } = this.#options
    const data = nodeBytes + memoryBytes + jobsAtOnce * THREAD_BYTES
    const child = this.#spawn(Math.floor(data / KIBIBYTE), POOL_THREADS + jobsAtOnce)
    this.#child = child
    this.#lastWords = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-MAX_LAST_WORDS)
    })
    child.on('message', (message: FromWorker) => this.#received(child, message))
    child.once('error', (error) => this.#ended(child, error.message))
    child.once('exit', (code, signal) => this.#ended(child, signal ?? `exit code ${code}`))
    if (child.pid !== undefined) lowerPriority(child.pid, niceness)
    return child
  }

  /**
   * @param poolThreads a statement of DuckDB holds one of them until it ends, and those that read
   *   stored rows wait for files to be read, which takes another one
   */
  #spawn(memoryKiB: number, poolThreads: number): ChildProcess {
    const node = [process.execPath, fileURLToPath(this.#options.program)]
    // Node and DuckDB have no limit of their own that holds for all of their memory.
    const limited = ['/bin/sh', '-c', `ulimit -d ${memoryKiB}; exec "$@"`, 'sh', ...node]
    const [command = '', ...args] = process.platform === 'win32' ? node : limited
    return spawn(command, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      // Little of this process's: a statement must not find secrets there.
      env: {
        TZ: 'UTC',
        TMPDIR: tmpdir(),
        UV_THREADPOOL_SIZE: String(poolThreads),
        ...this.#options.environment,
      },
    })
  }

  #received(child: ChildProcess, message: FromWorker): void {
    if (message.kind === 'log') {
      this.#options.onLog?.(message.source, message.line)
      return
    }
    const running = this.#running.get(message.id)
    if (running === undefined) return
    void running.events.run(async () => {
      if (message.kind === 'done') running.settle({ result: message.result })
      else if (message.kind === 'failed') running.settle({ error: errorOf(message) })
      else await this.#deliver(child, running, message)
    })
  }

  async #deliver(
    child: ChildProcess,
    { onEvent, settle }: Running,
    { id, event }: Extract<FromWorker, { kind: 'event' }>,
  ): Promise<void> {
    try {
      await onEvent?.(event)
      send(child, { kind: 'taken', id })
    } catch (error) {
      send(child, { kind: 'cancel', id })
      settle({ error: error as Error })
    }
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#child !== child) return
    this.#child = undefined
    const said = this.#lastWords.trim()
    const text = `the process for queries and tables ended: ${how}${said === '' ? '' : `; it said: ${said}`}`
    const error = new ConnectorError('AnalyticsUnavailable', text)
    for (const { settle } of this.#running.values()) settle({ error })
  }

  #endWhenIdle(): void {
    if (this.#running.size > 0) return
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => {
      const child = this.#child
      this.#child = undefined
      child?.disconnect()
    }, this.#options.idleMs)
    this.#idle.unref()
    // A job keeps the event loop alive; an idle process must not.
    this.#child?.unref()
    this.#child?.channel?.unref()
  }
}

function lowerPriority(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness)
  } catch {
    // It has ended already, which is reported as such.
  }
}

function send(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => {})
}

function errorOf({ code, message, details }: JobFailure): Error {
  if (code === undefined || !isOwnCode(code)) return new ConnectorError('Unexpected', message)
  return new JobError(code, message, details)
}

function timeoutError(timeoutMs: number): Error {
  return new ConnectorError('QueryLimit', `it took longer than ${timeoutMs / 1000} s`)
}
