/** A program that is killed at a moment which chance decides, or ends by itself before. */
import { fork } from 'node:child_process'
import type { Random } from '../random.ts'

export interface KilledProgram {
  readonly program: string
  /** Before its seed, and the number of the call to the file system at which it kills itself. */
  readonly args: readonly string[]
  readonly mostCalls: number
  /** After its first message, if it does not kill itself. */
  readonly mostMs: number
}

/**
 * True if the program had nothing left to do before it was killed.
 * @throws {Error} if it ended with another exit code than 0
 */
export async function runUntilKilled(
  { program, args, mostCalls, mostMs }: KilledProgram,
  random: Random,
): Promise<boolean> {
  const atCall = random.isOneIn(2) ? [`${1 + random.below(mostCalls)}`] : []
  const afterMs = random.below(mostMs)
  const all = [...args, `${random.below(2 ** 31)}`, ...atCall]
  const child = fork(program, all, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  let isDone = false
  let timer: NodeJS.Timeout | undefined
  child.on('message', (message) => {
    if (message === 'done') isDone = true
    else if (atCall.length === 0) timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
  })
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('exit', (...how) => resolve(how))
  })
  clearTimeout(timer)
  if (signal === null && code !== 0) throw new Error(`the process ended with exit code ${code}`)
  return isDone
}
