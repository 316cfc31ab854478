/** Keeps the messages that a pipeline could not process, and counts them by activity. */
import type { OffsetRange } from '../../../channels/log/channel-log.ts'
import type { Message } from '../../../message.ts'
import type { MessageFailure } from '../../pipelines/failures/failure-file.ts'
import { writeFailures } from '../../pipelines/failures/failure-store.ts'
import type { FailedMessage } from '../../pipelines/message-run.ts'
import type { Derivation, FailedByActivity } from './derivation.ts'

/** Replaces what was kept of these offsets before. @throws {ConnectorError} StorageFailed */
export async function keepFailures(
  { directory, pipeline, logId }: Derivation,
  maxBytes: number,
  { from, to }: OffsetRange,
  failed: readonly FailedMessage<Message>[],
): Promise<void> {
  if (from >= to) return
  const processed = { directory, pipeline, maxBytes, logId, first: from, end: to }
  await writeFailures(processed, failed.map(failureOf))
}

function failureOf({ input, activity, reason }: FailedMessage<Message>): MessageFailure {
  const { offset, messageId, topic, receivedAt: arrivedAt, payload } = input
  return { offset, messageId, topic, arrivedAt, activity, reason, payload }
}

export function byActivity(
  { activities }: Derivation,
  failed: readonly FailedMessage<Message>[],
): FailedByActivity[] {
  const found = new Map<string, { reason: string; count: number }>()
  for (const { activity, reason } of failed) {
    const known = found.get(activity)
    if (known === undefined) found.set(activity, { reason, count: 1 })
    else known.count++
  }
  return [...found].map(([activity, { reason, count }]) => {
    const lambdas = activities.flatMap(({ lambda }) => lambda ?? [])
    const lambdaName = lambdas.find(({ name }) => name === activity)?.lambdaName
    return { activity, lambdaName, count, reason }
  })
}
