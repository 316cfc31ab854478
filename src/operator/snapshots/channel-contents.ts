/** What is in channels: the fields of the last messages, and how many rows a query would find. */
import type { ChannelSet } from '../../channels/channel-set.ts'
import type { ChannelLog } from '../../channels/log/channel-log.ts'
import type { FieldList } from '../../http/api/shapes/channels.ts'
import type { TableList } from '../../http/api/shapes/query.ts'
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

export function tablesOf(channels: ChannelSet): TableList['tables'] {
  return [...channels]
    .map(({ name, log }) => {
      return { name, kind: 'channel' as const, columns: null, rows: log.committed - log.start }
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
}
