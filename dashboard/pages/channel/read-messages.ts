/** Stored messages of a channel, page by page. */
import type { Message } from '../../../src/http/api/shapes/messages.ts'
import { type RequestOptions, request } from '../../api/client.ts'

export interface MessagesPage {
  readonly messages: readonly Message[]
  /** Where the next page begins. */
  readonly next: number
}

/** @param from an offset, a time, or `earliest` */
export async function messagesFrom(
  path: string,
  from: string,
  limit: number,
  options?: RequestOptions,
): Promise<MessagesPage> {
  const query = new URLSearchParams({ from, limit: String(limit) })
  const response = await request(`${path}/messages?${query}`, { method: 'GET' }, options)
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  const messages: Message[] = lines.map((line) => JSON.parse(line))
  return { messages, next: Number(response.headers.get('x-next-offset') ?? 0) }
}
