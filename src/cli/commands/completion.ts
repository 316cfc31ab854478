/** `completion`: the script with which a shell completes commands, flags and channels. */
import { Argument, type Command } from 'commander'
import { SHELLS, type Shell } from '../completion/completion.ts'

const EXAMPLES = `
Examples:
  $ source <(iot-analytics-connector completion bash)           for this shell
  $ iot-analytics-connector completion bash > /etc/bash_completion.d/iot-analytics-connector
  $ iot-analytics-connector completion zsh > "\${fpath[1]}/_iot-analytics-connector"
  $ iot-analytics-connector completion fish > ~/.config/fish/completions/iot-analytics-connector.fish

Names of channels come from the running connector, if it answers within 300 ms.`

/** @param names under which the program can be called */
export function addCompletionCommand(program: Command, names: readonly string[]): void {
  program
    .command('completion')
    .description('print a script with which bash, zsh or fish completes the command line')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action(async (shell: Shell) => {
      const { printScript } = await import('../completion/completion.ts')
      await printScript(shell, names)
    })
}
