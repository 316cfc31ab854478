/**
 * Starts a program of the settings in a process group of its own, so that what it starts ends with
 * it. The group also ends with this process, however that ends and whatever the program does: a shell
 * in the group waits for the end of a pipe that this process holds open, and kills the group. No
 * shell interprets the program's arguments.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import type { Readable, Writable } from 'node:stream'

/** Receiving messages comes first. */
const NICENESS = 10
/** Programs are found where systems have them. The connector's own variables may be secrets. */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  TZ: 'UTC',
}
/** Of the shell, if there is no such program, or it is none. */
const NOT_STARTED: ReadonlySet<number | null> = new Set([126, 127])

export interface GroupProgramOptions {
  /** The program and its arguments. */
  readonly command: readonly string[]
  /** Besides `PATH` and `TZ`. The program gets none of this process's own variables. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** How long it has after the end of this process, such as to close its files. */
  readonly graceS: number
}

export type GroupProgram = ChildProcessByStdio<Writable, Readable, Readable>

/** @throws {Error} if the command cannot be one, such as an empty name */
export function startInGroup(options: GroupProgramOptions): GroupProgram {
  const { command, environment, graceS } = options
  const [program = '', ...args] =
    process.platform === 'win32' ? command : ['/bin/sh', '-c', watched(graceS), 'sh', ...command]
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...ENVIRONMENT, ...environment },
  })
  // It may end while something is written to it; its end is reported by itself.
  child.stdin.on('error', () => undefined)
  // What it has started may still hold its output open.
  child.once('exit', () => killGroup(child))
  lowerPriority(child)
  return child
}

export function killGroup({ pid }: GroupProgram): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The whole group has ended already.
  }
}

/** A sentence without its end, from what its event `close` says. */
export function endOf(code: number | null, signal: string | null): string {
  if (NOT_STARTED.has(code)) return 'it can’t be started'
  return signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`
}

/** The descriptor 3 is that pipe. The program itself does not get it. */
function watched(graceS: number): string {
  const watcher = `{ read -r _ <&3; sleep ${graceS}; kill -KILL 0; }`
  return `${watcher} </dev/null >/dev/null 2>&1 & exec "$@" 3<&-`
}

function lowerPriority({ pid }: GroupProgram): void {
  try {
    if (pid !== undefined) setPriority(pid, NICENESS)
  } catch {
    // It has ended already, or the system does not allow it. It works all the same.
  }
}
