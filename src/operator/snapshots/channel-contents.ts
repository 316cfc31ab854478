/** The fields of the last messages of a channel. */
import type { ChannelLog } from '../../channels/log/channel-log.ts'
import type { FieldList } from '../../http/api/shapes/channels.ts'
import { MessageFields } from './message-fields.ts'

const MAX_MESSAGES = 1_000
const MAX_BYTES = 8 * 1024 * 1024
/** What is read and parsed in one turn of the event loop. */
const PIECE_MESSAGES = 50
const PIECE_BYTES = 128 * 1024

/** Of the last messages, the latest of which is always among them. */
export async function lastFields(
  log: ChannelLog,
  nextTurn: () => Promise<void>,
): Promise<FieldList> {
  const fields = new MessageFields()
  let to = log.committed
  const first = Math.max(log.start, to - MAX_MESSAGES)
  let bytes = 0
  while (to > first && bytes < MAX_BYTES) {
    const from = Math.max(first, to - PIECE_MESSAGES)
    let next = from
    while (next < to) {
      const messages = await log.read(next, to - next, PIECE_BYTES)
      for (const { payload, offset } of messages) {
        if (offset >= to) break
        fields.add(payload)
        bytes += payload.length
      }
      next = (messages.at(-1)?.offset ?? to) + 1
      await nextTurn()
    }
    to = from
  }
  return fields.list
}
