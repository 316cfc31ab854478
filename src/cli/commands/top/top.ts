/** `top`: channels, destinations and clients of the running connector, every second. */
import type { Command } from 'commander'
import { systemClock } from '../../../clock.ts'
import { safeJson } from '../../../shown-text.ts'
import { type ConnectorClient, openConnectorClient } from '../../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../../connector-flags.ts'
import type { CliContext } from '../../context.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector top
  $ iot-analytics-connector top --once                          one frame
  $ iot-analytics-connector top --json | jq '.channels[] | select(.lost > 0)'
  $ iot-analytics-connector top --url http://gateway-7:8090

Keys: Tab shows channels, destinations or clients. Arrows choose a row, and Enter shows the messages
of a channel. s sorts by the next figure, and r sorts again: rows keep their places meanwhile. / filters
by name, p pauses, q ends. In a pipe it prints one frame.`

interface TopFlags extends ConnectorFlags {
  readonly once?: true
  readonly json?: true
}

export function addTopCommand(program: Command, context: CliContext): void {
  addConnectorFlags(
    program
      .command('top')
      .description('show channels, destinations and clients on the whole screen, every second')
      .option('--once', 'print one frame and end')
      .option('--json', 'print one frame as JSON'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: TopFlags, command: Command) => {
      const { stdout } = context.process
      const connector = await openConnectorClient(flags, command, context)
      const isScreen = stdout.isTTY && flags.once !== true && flags.json !== true
      if (isScreen) await showScreen(connector, context)
      else stdout.write(await frame(connector, flags, context))
    })
}

async function frame(
  connector: ConnectorClient,
  { json }: TopFlags,
  { process }: CliContext,
): Promise<string> {
  const { OperatorApi } = await import('../../operator/operator-api.ts')
  const { everythingOf, onceText } = await import('./once.ts')
  const everything = await everythingOf(new OperatorApi(connector))
  if (json === true) return `${safeJson(JSON.stringify(everything, null, 2))}\n`
  const { lookFor } = await import('../../operator/look.ts')
  return onceText(everything, lookFor(process))
}

async function showScreen(connector: ConnectorClient, context: CliContext): Promise<void> {
  const { OperatorApi } = await import('../../operator/operator-api.ts')
  const { TopSession } = await import('./top-session.ts')
  // A connector that cannot be asked is an error like those of other commands.
  const overview = await new OperatorApi(connector).overview()
  const { process, outputClosed } = context
  await new TopSession(connector, overview, { process, outputClosed, clock: systemClock }).run()
}
