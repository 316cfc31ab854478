/**
 * The status messages of the specification ("Output Data"), in exactly its shape:
 *
 *     {"response":{"status":"success"},"id":"req123"}
 *     {"response":{"status":"fail","error":"…","error_message":"…"},"id":"req123"}
 *
 * Without an id the member `id` is left out.
 */
import type { Refusal } from '../../message.ts'

const SUCCESS = '{"response":{"status":"success"}'
/** The bytes before and after a plain id in the receipt of a success. */
export const BEFORE_ID = Buffer.from(`${SUCCESS},"id":"`)
export const AFTER_ID = Buffer.from('"}')
const NEEDS_ESCAPE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/

export function successReceipt(id: string | undefined): string {
  return SUCCESS + idMember(id)
}

export function failureReceipt(id: string | undefined, refusal: Refusal): string {
  const error = JSON.stringify(refusal.error)
  const message = JSON.stringify(refusal.message)
  return `{"response":{"status":"fail","error":${error},"error_message":${message}}${idMember(id)}`
}

function idMember(id: string | undefined): string {
  if (id === undefined) return '}'
  return NEEDS_ESCAPE.test(id) ? `,"id":${JSON.stringify(id)}}` : `,"id":"${id}"}`
}
