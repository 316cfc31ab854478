/**
 * Completion for shells: the scripts, and the answers to them. The one file that knows
 * `@bomb.sh/tab`, which is young: its version is exact.
 */
import type { Complete } from '@bomb.sh/tab'
import type { Command } from 'commander'

/** Prints the script that bash, zsh or fish reads, for each name of the program. */
export async function printScript(shell: string, names: readonly string[]): Promise<void> {
  const { script } = await import('@bomb.sh/tab')
  const scripts = printed(() => {
    for (const name of names) script(shell, name, name)
  })
  process.stdout.write(shell === 'bash' ? forBash(scripts) : scripts)
}

/** The package has no function that returns its scripts. */
function printed(print: () => void): string {
  const { log } = console
  let text = ''
  console.log = (line: string) => {
    text += `${line}\n`
  }
  try {
    print()
  } finally {
    console.log = log
  }
  return text
}

/** Of the package bash-completion, for shells without it: a word may then not contain `=` or `:`. */
const WORDS = `if ! declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref() {
        cword=$COMP_CWORD
        words=("\${COMP_WORDS[@]}")
        cur=\${COMP_WORDS[COMP_CWORD]}
        prev=\${COMP_WORDS[COMP_CWORD-1]}
    }
fi
`

/** Constants can't be set twice: by the script of the other name, or when a profile is read again. */
function forBash(scripts: string): string {
  return `${WORDS}${scripts.replaceAll(/^readonly /gm, '')}`
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
