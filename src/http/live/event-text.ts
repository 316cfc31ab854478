/** An event as bytes of `text/event-stream`. */
import { safeJson } from '../../shown-text.ts'

/** JSON has no line ends, so it is one line of data. */
export function eventText(name: string, data: unknown): Buffer {
  return Buffer.from(`event: ${name}\ndata: ${safeJson(JSON.stringify(data))}\n\n`)
}
