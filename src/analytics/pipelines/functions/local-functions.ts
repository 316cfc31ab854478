/** The functions of the configuration, each in a process of its own. */
import { join } from 'node:path'
import type { Clock } from '../../../clock.ts'
import type { JsonValue } from '../json/json-value.ts'
import type { FunctionDirectory } from './function-directory.ts'
import { FunctionProcess } from './function-process.ts'

/** A module or a command. */
export type FunctionOptions = (
  | {
      /** A JavaScript module. */
      readonly module: string
      /** The name of the export that is called with the array of messages and a context. */
      readonly handler?: string | undefined
    }
  | {
      /** A program and its arguments: it answers each line of JSON with a line of JSON. */
      readonly command: readonly string[]
    }
) & {
  readonly timeoutMs?: number
  readonly environment?: Readonly<Record<string, string>>
}

export interface LocalFunctionsOptions {
  readonly functions: Readonly<Record<string, FunctionOptions>>
  readonly clock: Clock
  /** Called with each line that a function writes to standard error. */
  readonly onLog: (lambdaName: string, line: string) => void
}

/** What AWS's API says an invocation may take. */
const DEFAULT_TIMEOUT_MS = 300_000
const IDLE_MS = 60_000
const PROGRAM = join(import.meta.dirname, 'function-program.js')

export class LocalFunctions implements FunctionDirectory {
  readonly #processes: ReadonlyMap<string, FunctionProcess>

  constructor({ functions, clock, onLog }: LocalFunctionsOptions) {
    const processes = Object.entries(functions).map(([name, options]) => {
      const { timeoutMs = DEFAULT_TIMEOUT_MS, environment } = options
      const command = commandOf(name, options, timeoutMs)
      const log = (line: string) => onLog(name, line)
      const process = new FunctionProcess({
        command,
        environment,
        timeoutMs,
        idleMs: IDLE_MS,
        clock,
        onLog: log,
      })
      return [name, process] as const
    })
    this.#processes = new Map(processes)
  }

  async invoke(
    lambdaName: string,
    event: readonly JsonValue[],
    maxMs?: number,
  ): Promise<JsonValue> {
    const process = this.#processes.get(lambdaName)
    if (process !== undefined) return process.invoke(event, maxMs)
    const known = [...this.#processes.keys()].join(', ') || 'none'
    throw new Error(`the configuration has no function of this name; it has: ${known}`)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((process) => process.close()))
  }
}

function commandOf(name: string, options: FunctionOptions, timeoutMs: number): readonly string[] {
  if ('command' in options) return options.command
  const { module, handler = 'handler' } = options
  return [process.execPath, PROGRAM, module, handler, name, String(timeoutMs)]
}
