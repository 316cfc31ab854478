/** How many bytes a message is counted with, before and after it is stored. */
import type { Draft } from '../../message.ts'

/** Objects, headers and ring or frame entries around one message; on the safe side for every log. */
export const OVERHEAD_BYTES = 128

/**
 * What storing the draft will take, in memory or on disk. A budget is asked with this figure, and a
 * log in memory takes and gives back exactly this figure.
 */
export function draftBytes(draft: Draft): number {
  return payloadBytes(draft) + draft.topic.length + (draft.id?.length ?? 0) + OVERHEAD_BYTES
}

function payloadBytes(draft: Draft): number {
  return draft.text === undefined ? draft.end - draft.start : Buffer.byteLength(draft.text)
}
