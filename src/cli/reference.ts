/** Writes `docs/commands.md` from the commands' own help. */
import type { Command } from 'commander'

const HELP_COLUMNS = 100

const INTRODUCTION = `# Commands

<!-- Made by \`npm run docs\` from the commands' own help. Change it in src/cli. -->

The output of \`iot-analytics-connector COMMAND --help\`.
`

export function commandsPage(program: Command): string {
  const commands = program.commands.flatMap((command) => pagesOf(command, command.name()))
  return [INTRODUCTION, page('## iot-analytics-connector', program), ...commands].join('\n')
}

/** A command that has others says only which; each of them has its own help. */
function pagesOf(command: Command, name: string): string[] {
  return [
    page(`## ${name}`, command),
    ...command.commands.flatMap((inner) => pagesOf(inner, `${name} ${inner.name()}`)),
  ]
}

function page(heading: string, command: Command): string {
  return `${heading}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`
}

/** The whole help including the examples, with the same width on every machine. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => HELP_COLUMNS,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text.trim()
}
