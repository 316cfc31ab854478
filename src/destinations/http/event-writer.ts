/**
 * Writes messages as CloudEvents 1.0 in JSON. `source` and `id` together name a message, as the
 * standard asks for: receivers can recognise one that is sent twice.
 */
import { MessageWriter, type RowOrigin } from '../rows/message-writer.ts'

export class EventWriter extends MessageWriter {
  /** @param type the attribute `type` of every event */
  constructor(connectorId: string, type: string) {
    super({
      head: (origin) => headOf(connectorId, type, origin),
      time: '","time":"',
      topic: '","subject":',
      // An extension attribute: the standard has no place for the sender's own id.
      id: ',"messageid":',
      payloads: {
        'application/json': ',"datacontenttype":"application/json","data":',
        'text/plain': ',"datacontenttype":"text/plain","data":',
        'application/octet-stream': ',"datacontenttype":"application/octet-stream","data_base64":',
      },
    })
  }
}

/** ASCII: channels and ids have no other characters, and neither has the type. */
function headOf(connectorId: string, type: string, { channel, logId }: RowOrigin): string {
  const source = `/connectors/${connectorId}/channels/${channel}`
  return `{"specversion":"1.0","type":${JSON.stringify(type)},"source":"${source}","id":"${logId}-`
}
