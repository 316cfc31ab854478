/**
 * Runs a program to its end, in a process group of its own, so that what it has started ends with
 * it. No shell is involved.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import type { Readable } from 'node:stream'
import type { Clock, Timer } from '../../../clock.ts'
import { ConnectorError, messageOf } from '../../../errors.ts'
import { printable } from '../../../shown-text.ts'
import { formatDuration } from '../../../units.ts'

/** Receiving messages comes first. */
const NICENESS = 10
const WATCH_MS = 1_000
const MAX_LAST_BYTES = 1_000
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface ProgramRun {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Asked every second: why it must end. */
  readonly problem: () => Promise<ConnectorError | undefined>
  readonly signal: AbortSignal
  readonly clock: Clock
}

type Child = ChildProcessByStdio<null, Readable, Readable>

/**
 * @throws {ConnectorError} ContainerFailed unless it ends with exit code 0; what `problem` says
 * @throws the signal's reason if it was aborted
 */
export async function runProgram(run: ProgramRun): Promise<void> {
  const { signal, clock, timeoutMs } = run
  signal.throwIfAborted()
  const child = started(run)
  let reason: unknown
  const end = (because: unknown) => {
    reason ??= because
    killGroup(child)
  }
  const onAbort = () => end(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const limit = clock.after(timeoutMs, () => {
    end(failed(`it took longer than ${formatDuration(timeoutMs)}`))
  })
  const watch = watching(run, end)
  try {
    const failure = await ending(child)
    if (reason !== undefined) throw reason
    if (failure !== undefined) throw failed(failure)
  } finally {
    signal.removeEventListener('abort', onAbort)
    limit.cancel()
    watch.stop()
  }
}

function started({ command, environment }: ProgramRun): Child {
  const [program = '', ...args] = command
  const env = { PATH, TZ: 'UTC', ...environment }
  try {
    const child = spawn(program, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    lowerPriority(child)
    return child
  } catch (thrown) {
    throw failed(`it can’t be started: ${messageOf(thrown)}`)
  }
}

/** Resolves when it has ended: with what is wrong, if something is. */
function ending(child: Child): Promise<string | undefined> {
  let last = Buffer.alloc(0)
  const keep = (chunk: Buffer) => {
    last = Buffer.concat([last, chunk]).subarray(-MAX_LAST_BYTES)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  // What it has started may still hold its output open.
  child.once('exit', () => killGroup(child))
  return new Promise((resolve) => {
    child.once('error', (thrown) => resolve(`it can’t be started: ${messageOf(thrown)}`))
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(undefined)
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`
      const line = last.toString().trim().split('\n').at(-1) ?? ''
      resolve(`it ended ${how}${line === '' ? '' : `; its last line: ${printable(line)}`}`)
    })
  })
}

function watching({ problem, clock }: ProgramRun, end: (because: unknown) => void) {
  let isStopped = false
  let timer: Timer | undefined
  const look = () => {
    timer = clock.after(WATCH_MS, () => {
      problem().then(
        (found) => {
          if (isStopped) return
          if (found === undefined) look()
          else end(found)
        },
        (thrown: unknown) => end(thrown),
      )
    })
  }
  look()
  return {
    stop: () => {
      isStopped = true
      timer?.cancel()
    },
  }
}

function killGroup({ pid }: Child): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The whole group has ended already.
  }
}

function lowerPriority({ pid }: Child): void {
  try {
    if (pid !== undefined) setPriority(pid, NICENESS)
  } catch {
    // It has ended already, or the system does not allow it. It works all the same.
  }
}

function failed(what: string): ConnectorError {
  return new ConnectorError('ContainerFailed', `the program of the container action: ${what}`)
}
