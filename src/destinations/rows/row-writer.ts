/**
 * Writes messages as rows: one line of JSON each, with the fields that every destination has.
 *
 *     {"connector":…,"channel":…,"log_id":…,"offset":…,"arrival_time":…,"topic":…,
 *      "message_id":…,"content_type":…,"payload":…}
 *
 * The last field is called `payload_base64` if the payload is neither JSON nor text.
 */
import { MessageWriter, type RowOrigin } from './message-writer.ts'

export class RowWriter extends MessageWriter {
  constructor(connectorId: string) {
    super({
      head: (origin) => headOf(connectorId, origin),
      time: ',"arrival_time":"',
      topic: '","topic":',
      id: ',"message_id":',
      payloads: {
        'application/json': ',"content_type":"application/json","payload":',
        'text/plain': ',"content_type":"text/plain","payload":',
        'application/octet-stream': ',"content_type":"application/octet-stream","payload_base64":',
      },
    })
  }
}

function headOf(connector: string, { channel, logId }: RowOrigin): string {
  const fields = JSON.stringify({ connector, channel, log_id: logId })
  return `${fields.slice(0, -1)},"offset":`
}
