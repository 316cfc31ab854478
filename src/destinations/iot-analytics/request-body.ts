/**
 * The body of BatchPutMessage: `{"channelName":…,"messages":[{"messageId":…,"payload":"<base64>"}]}`.
 *
 * Built as one Latin-1 string and written into a buffer once. Everything in it is ASCII (ids are
 * escaped where they aren't), so characters are bytes; one write for a batch is cheaper than two
 * native calls for each message.
 */
import type { Batch } from '../destination.ts'

/** Printable ASCII without `"` and `\`: stands in JSON as it is. */
const NEEDS_NO_ESCAPE = /^[ !#-[\]-~]*$/
const BEYOND_PRINTABLE = /[^\x20-\x7e]/g

export function requestBody(batch: Batch): Buffer {
  let json = `{"channelName":"${escaped(batch.channel)}","messages":[`
  let separator = '{"messageId":"'
  for (const message of batch.messages) {
    json += `${separator + escaped(message.messageId)}","payload":"${message.payload.toString('base64')}"}`
    separator = ',{"messageId":"'
  }
  json += ']}'

  return Buffer.from(json, 'latin1')
}

function escaped(text: string): string {
  if (NEEDS_NO_ESCAPE.test(text)) return text
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(BEYOND_PRINTABLE, (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
    })
}
