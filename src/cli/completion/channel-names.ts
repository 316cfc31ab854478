/** The channels of the running connector, for completion: quickly and silently, or none. */
import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import { openConnectorClient } from '../connector-client.ts'
import { addConnectorFlags } from '../connector-flags.ts'
import type { CliContext } from '../context.ts'
import { addGlobalFlags } from '../global-flags.ts'
import { OperatorApi } from '../operator/operator-api.ts'

/** A person waits for it. */
const PATIENCE_MS = 300

/** @param words the command line so far, which may say where the connector is */
export async function channelNames(
  words: readonly string[],
  context: CliContext,
  patienceMs = PATIENCE_MS,
): Promise<readonly string[]> {
  const ended = AbortSignal.timeout(patienceMs)
  const names = asked(words, { ...context, outputClosed: ended }).catch(() => [])
  return await Promise.race([names, delay(patienceMs, [], { ref: false })])
}

async function asked(words: readonly string[], context: CliContext): Promise<readonly string[]> {
  const line = addConnectorFlags(addGlobalFlags(new Command()))
    .allowUnknownOption()
    .allowExcessArguments()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parse([...words], { from: 'user' })
  const connector = await openConnectorClient(line.opts(), line, context)
  const { channels } = await new OperatorApi(connector).channels()
  return channels.map(({ name }) => name)
}
