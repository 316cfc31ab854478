/**
 * Completion for shells: the scripts, and the answers to them. The one file that knows
 * `@bomb.sh/tab`, which is young: its version is exact.
 */
import type { Complete } from '@bomb.sh/tab'
import type { Command } from 'commander'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** Prints the script that a shell reads, for each name of the program. */
export async function printScript(shell: Shell, names: readonly string[]): Promise<void> {
  const { script } = await import('@bomb.sh/tab')
  for (const name of names) script(shell, name, name)
}

/**
 * Prints what may stand in place of the last word, a line each.
 * @param channels asked only where the name of a channel may stand
 */
export async function printCompletions(
  program: Command,
  words: readonly string[],
  channels: () => Promise<readonly string[]>,
): Promise<void> {
  const { default: tab } = await import('@bomb.sh/tab/commander')
  const root = tab(program)
  // What the package adds to the program is for scripts.
  root.commands.delete('complete')
  const command = root.commands.get(words[0] ?? '')
  const argument = command?.arguments.get('channel')
  const option = command?.options.get('channel')
  if (argument !== undefined || option !== undefined) {
    const names = await channels()
    const handler = (complete: Complete): void => {
      for (const name of names) complete(name, '')
    }
    if (argument !== undefined) argument.handler = handler
    if (option !== undefined) option.handler = handler
  }
  root.parse([...words])
}
