/** A shell in a terminal of its own, by tmux: what it shows, and keys that are typed. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { until } from '../until.ts'
import { commandOf } from './real-peers.ts'

const run = promisify(execFile)

export interface TerminalOptions {
  readonly columns?: number
  readonly rows?: number
  readonly env?: Readonly<Record<string, string>>
}

export class Terminal {
  readonly #socket = `test-${randomBytes(6).toString('hex')}`

  static async open(t: TestContext, options: TerminalOptions = {}): Promise<Terminal> {
    const { columns = 100, rows = 30, env = {} } = options
    const terminal = new Terminal()
    t.after(() => terminal.#tmux('kill-server').catch(() => {}))
    const variables = Object.entries({ HISTFILE: '/dev/null', ...env }).flatMap(([name, value]) => [
      '-e',
      `${name}=${value}`,
    ])
    const size = ['-x', String(columns), '-y', String(rows)]
    const shell = 'exec bash --norc --noprofile -i'
    await terminal.#tmux('new-session', '-d', ...size, ...variables, shell)
    await terminal.shows(/[$#] *$/m)
    // A root's shell does not take the prompt from its environment.
    await terminal.enter("PS1='$ '; clear")
    await terminal.shows(/^\$ *$/m)
    return terminal
  }

  /** Types a command line. */
  async enter(line: string): Promise<void> {
    await this.#tmux('send-keys', '-l', line)
    await this.press('Enter')
  }

  /** Keys by their names in tmux: `Enter`, `Tab`, `C-z`, `q`. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys)
  }

  /** The text on the screen. */
  async text(): Promise<string> {
    return await this.#tmux('capture-pane', '-p')
  }

  /** The text with its colours. */
  async colouredText(): Promise<string> {
    return await this.#tmux('capture-pane', '-p', '-e')
  }

  async shows(pattern: RegExp): Promise<void> {
    let text = ''
    await until(`the terminal shows ${pattern}`, async () => {
      text = await this.text()
      return pattern.test(text)
    }).catch((thrown) => {
      throw new Error(`${thrown.message}:\n${text}`)
    })
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows))
  }

  /** Whether a program has the whole screen, and whether the cursor is visible. */
  async mode(): Promise<{ readonly isAlternate: boolean; readonly hasCursor: boolean }> {
    const text = await this.#tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}')
    return { isAlternate: text.startsWith('1'), hasCursor: text.trim().endsWith('1') }
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(commandOf('tmux'), [
      '-L',
      this.#socket,
      '-f',
      '/dev/null',
      ...args,
    ])
    return stdout
  }
}
