/** The messages on the screen: a fixed number, the newest last. Pure, so it has tests of its own. */
import type { Tail, TailMessage } from '../../../src/http/api/shapes/messages.ts'

export const MAX_SHOWN = 200

export interface TailView {
  readonly messages: readonly TailMessage[]
  /** Of the last event: how many came, and how many of them are here. */
  readonly came: number
  readonly shown: number
}

export const EMPTY_TAIL: TailView = { messages: [], came: 0, shown: 0 }

export function withTail(view: TailView, { from, next, messages }: Tail): TailView {
  // After a reconnection the connector may send again what is here already.
  const newest = view.messages.at(-1)?.offset ?? -1
  const added = messages.filter(({ offset }) => offset > newest)
  return {
    messages: [...view.messages, ...added].slice(-MAX_SHOWN),
    came: next - from,
    shown: messages.length,
  }
}

/** Without regard to upper and lower case, in the topic and the payload. */
export function matching(messages: readonly TailMessage[], text: string): readonly TailMessage[] {
  const wanted = text.trim().toLowerCase()
  if (wanted === '') return messages
  return messages.filter(({ topic, payload, id }) =>
    [topic, payload, id].some((part) => part?.toLowerCase().includes(wanted)),
  )
}
