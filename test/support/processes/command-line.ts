/** Runs the program as a child process and waits for its output. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** The compiled program. */
export const MAIN = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.js')

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly cwd?: string
  /** Another script to run instead of the program's own. */
  readonly script?: string
}

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export class RunningCommand {
  readonly child: ChildProcessWithoutNullStreams
  stdout = ''
  stderr = ''

  constructor(t: TestContext, args: readonly string[], options: CommandOptions = {}) {
    const environment = Object.entries(process.env).filter(([name]) => !/^(AWS|IOT_)/.test(name))
    this.child = spawn(process.execPath, [options.script ?? MAIN, ...args], {
      cwd: options.cwd ?? tmpdir(),
      env: { ...Object.fromEntries(environment), ...options.env },
    })
    t.after(() => this.child.kill('SIGKILL'))
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.child.stdin.on('error', () => {}) // a command that reads no input may have ended already
    if (options.input !== undefined) this.child.stdin.end(options.input)
  }

  /** Resolves when standard output matches; rejects when the program ends before. */
  async says(pattern: RegExp): Promise<void> {
    const ended = once(this.child, 'close').then(() => {
      if (pattern.test(this.stdout)) return
      throw new Error(`ended without saying ${pattern}: ${this.stdout}${this.stderr}`)
    })
    while (!pattern.test(this.stdout)) {
      await Promise.race([once(this.child.stdout, 'data'), ended])
    }
    ended.catch(() => {})
  }

  async ends(): Promise<Finished> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'close')
    }
    const { exitCode, signalCode } = this.child
    return { code: exitCode, signal: signalCode, stdout: this.stdout, stderr: this.stderr }
  }
}

export function runCommand(
  t: TestContext,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Finished> {
  return new RunningCommand(t, args, { input: '', ...options }).ends()
}
