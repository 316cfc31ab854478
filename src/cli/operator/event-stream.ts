/** Server-sent events, as WHATWG HTML, 9.2.6 has them. */
import { StringDecoder } from 'node:string_decoder'

export interface StreamEvent {
  readonly name: string
  readonly data: string
}

/** Far more than the connector sends at a time; a server of another kind may never end an event. */
const MAX_EVENT_CHARACTERS = 8 * 1024 * 1024

/** Throws for an event without an end. */
export async function* eventsIn(parts: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new StringDecoder()
  let rest = ''
  for await (const part of parts) {
    rest += decoder.write(Buffer.from(part)).replaceAll('\r', '')
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    if (rest.length > MAX_EVENT_CHARACTERS) throw new Error('an event without an end')
    for (const block of blocks) {
      const event = eventOf(block)
      if (event.data !== '') yield event
    }
  }
}

/** Comments, which begin with a colon, and unknown fields have no effect. */
function eventOf(block: string): StreamEvent {
  let name = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? []
    if (field === 'event') name = value
    if (field === 'data') data.push(value)
  }
  return { name, data: data.join('\n') }
}
