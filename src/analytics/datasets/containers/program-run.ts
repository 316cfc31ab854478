/** Runs a program to its end. Everything that it has started ends with it. */
import type { Clock, Timer } from '../../../clock.ts'
import { ConnectorError, messageOf } from '../../../errors.ts'
import { printable } from '../../../shown-text.ts'
import { formatDuration } from '../../../units.ts'
import { endOf, type GroupProgram, killGroup, startInGroup } from '../../programs/group-program.ts'

const WATCH_MS = 1_000
const MAX_LAST_BYTES = 1_000

export interface ProgramRun {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Asked every second: why it must end. */
  readonly problem: () => Promise<ConnectorError | undefined>
  readonly signal: AbortSignal
  readonly clock: Clock
}

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

function started({ command, environment }: ProgramRun): GroupProgram {
  try {
    // What it makes is not used once the connector has ended.
    const child = startInGroup({ command, environment, graceS: 0 })
    child.stdin.end()
    return child
  } catch (thrown) {
    throw failed(`it can’t be started: ${messageOf(thrown)}`)
  }
}

/** Resolves when it has ended: with what is wrong, if something is. */
function ending(child: GroupProgram): Promise<string | undefined> {
  let last = Buffer.alloc(0)
  const keep = (chunk: Buffer) => {
    last = Buffer.concat([last, chunk]).subarray(-MAX_LAST_BYTES)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return new Promise((resolve) => {
    child.once('error', (thrown) => resolve(`it can’t be started: ${messageOf(thrown)}`))
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(undefined)
      const line = last.toString().trim().split('\n').at(-1) ?? ''
      resolve(`${endOf(code, signal)}${line === '' ? '' : `; its last line: ${printable(line)}`}`)
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

function failed(what: string): ConnectorError {
  return new ConnectorError('ContainerFailed', `the program of the container action: ${what}`)
}
