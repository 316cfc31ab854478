/** `completion`: the script with which a shell completes commands, flags and channels. */
import { Argument, type Command } from 'commander'

const SHELLS = ['bash', 'zsh', 'fish'] as const

const EXAMPLES = `
Examples:
  $ source <(iot-analytics-connector completion bash)     in ~/.bashrc
  $ source <(iot-analytics-connector completion zsh)      in ~/.zshrc, after compinit
  $ iot-analytics-connector completion fish | source      in ~/.config/fish/config.fish

Names of channels come from the running connector, if it answers within 300 ms.`

/** @param names under which the program can be called */
export function addCompletionCommand(program: Command, names: readonly string[]): void {
  program
    .command('completion')
    .description('print a script with which bash, zsh or fish completes the command line')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action(async (shell: (typeof SHELLS)[number]) => {
      const { printScript } = await import('../completion/completion.ts')
      await printScript(shell, names)
    })
}
