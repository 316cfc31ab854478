/** `status`: says on one screen how the running connector is doing. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { ConnectorError } from '../../../errors.ts'
import type { Overview } from '../../../http/api/shapes/overview.ts'
import { safeJson } from '../../../shown-text.ts'
import { openConnectorClient } from '../../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../../connector-flags.ts'
import type { CliContext } from '../../context.ts'
import { EXIT_NOT_WELL } from '../../exit-code.ts'
import { duration } from '../../number-argument.ts'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector status
  $ iot-analytics-connector status --wait 60                    after a start: until it is well
  $ iot-analytics-connector status --json | jq .verdict.problems
  $ iot-analytics-connector status --ready                      for probes of containers
  $ iot-analytics-connector status --url http://gateway-7:8090

Exit code 0 if nothing is wrong; 3 if something fails, or if messages are refused, lost or rejected;
1 if the connector could not be asked. With --ready, 0 as long as messages can be stored: a restart
brings no destination back.`

const MAX_WAIT_MS = 24 * 3_600_000
const AGAIN_MS = 1_000

interface StatusFlags extends ConnectorFlags {
  readonly json?: true
  readonly wait?: number
  readonly ready?: true
}

export function addStatusCommand(program: Command, context: CliContext): void {
  addConnectorFlags(
    program
      .command('status')
      .description(
        'say how the running connector is doing: what comes in, what waits, what was lost, what is wrong',
      )
      .option(
        '--wait <duration>',
        'wait up to this time until the connector answers and all is well',
        duration(MAX_WAIT_MS),
      )
      .option(
        '--ready',
        'ask only whether messages can come in and be stored, whatever the destinations do',
      )
      .option('--json', 'print JSON, as GET /api/v1/overview'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: StatusFlags, command: Command) => {
      const { process } = context
      const isWell = ({ verdict, ready }: Overview): boolean =>
        flags.ready === true ? ready : verdict.level === 'ok'
      const answer = () => ask(flags, command, context)
      const overview = await overviewWithin(flags.wait ?? 0, answer, isWell)
      if (flags.json === true) {
        process.stdout.write(`${safeJson(JSON.stringify(overview, null, 2))}\n`)
      } else {
        const { statusScreen } = await import('./status-screen.ts')
        const { lookFor } = await import('../../operator/look.ts')
        process.stdout.write(statusScreen(overview, lookFor(process)))
      }
      if (!isWell(overview)) process.exitCode = EXIT_NOT_WELL
    })
}

async function ask(flags: StatusFlags, command: Command, context: CliContext): Promise<Overview> {
  const { OperatorApi } = await import('../../operator/operator-api.ts')
  return await new OperatorApi(await openConnectorClient(flags, command, context)).overview()
}

/**
 * The last answer: the first one that says that all is well, or the one at the end of the time.
 * Throws if the last attempt does.
 */
async function overviewWithin(
  waitMs: number,
  ask: () => Promise<Overview>,
  isWell: (overview: Overview) => boolean,
): Promise<Overview> {
  const endsAt = performance.now() + waitMs
  for (;;) {
    const isLast = performance.now() >= endsAt
    try {
      const overview = await ask()
      if (isLast || isWell(overview)) return overview
    } catch (thrown) {
      if (isLast || !mayPass(thrown)) throw thrown
    }
    await delay(Math.max(0, Math.min(AGAIN_MS, endsAt - performance.now())))
  }
}

function mayPass(thrown: unknown): boolean {
  return thrown instanceof ConnectorError && thrown.effect === 'retry'
}
