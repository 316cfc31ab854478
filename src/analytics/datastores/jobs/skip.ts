/**
 * Keeps messages as failed without running the pipeline on them: of one that ends the process, again
 * and again, nothing else can be done.
 */

import type { Message } from '../../../message.ts'
import type { FailedMessage } from '../../pipelines/message-run.ts'
import { channelMessages } from './channel-messages.ts'
import type { Derivation, DerivationResult } from './derivation.ts'
import type { DerivationTools } from './derive.ts'
import { byActivity } from './failures.ts'

export async function skip(
  derivation: Derivation,
  { connection, keepFailures }: DerivationTools,
  reason: string,
): Promise<DerivationResult> {
  const { from, to, pipeline: activity } = derivation
  const failed: FailedMessage<Message>[] = []
  for await (const messages of channelMessages(connection, derivation)) {
    for (const input of messages) failed.push({ input, activity, reason })
  }
  await keepFailures({ from, to }, failed)
  const none = { rows: 0, dropped: 0, files: 0, bytes: 0, drifted: 0 }
  const gap = to - from - failed.length
  return { to, messages: failed.length, failures: byActivity(derivation, failed), gap, ...none }
}
