/** Lists, a page at a time. The token of the next page names the last item of this one. */
import * as z from 'zod'
import { invalid } from './exceptions.ts'
import { wholeText } from './input.ts'

const MAX_TOKEN_CHARACTERS = 1_024
const TOKEN = 'expected a nextToken that the same list has returned'

export const pageQuery = {
  nextToken: z.string(TOKEN).max(MAX_TOKEN_CHARACTERS, TOKEN).optional(),
  maxResults: wholeText(1, 250).default(100),
}

export interface PageQuery {
  readonly nextToken?: string | undefined
  readonly maxResults: number
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** Undefined after the last page. */
  readonly nextToken: string | undefined
}

/**
 * @param list the operation, whose tokens no other operation accepts
 * @param items in an order that stays
 * @throws {ServiceException} InvalidRequestException
 */
export function pageOf<Item>(
  list: string,
  items: readonly Item[],
  idOf: (item: Item) => string,
  { nextToken, maxResults }: PageQuery,
): Page<Item> {
  const after = nextToken === undefined ? undefined : idInToken(list, nextToken)
  const rest = after === undefined ? items : items.slice(startAfter(items, idOf, after))
  const page = rest.slice(0, maxResults)
  const last = page.at(-1)
  const hasMore = rest.length > page.length && last !== undefined
  return { items: page, nextToken: hasMore ? tokenOf(list, idOf(last)) : undefined }
}

/** The item itself may have been deleted: then items in the order of their ids go on behind it. */
function startAfter<Item>(
  items: readonly Item[],
  idOf: (item: Item) => string,
  after: string,
): number {
  const exact = items.findIndex((item) => idOf(item) === after)
  if (exact >= 0) return exact + 1
  const next = items.findIndex((item) => idOf(item) > after)
  return next === -1 ? items.length : next
}

function tokenOf(list: string, id: string): string {
  return Buffer.from(JSON.stringify([list, id])).toString('base64url')
}

function idInToken(list: string, token: string): string {
  try {
    const [named, id]: unknown[] = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    if (named === list && typeof id === 'string') return id
  } catch {
    // Not JSON, or not a list.
  }
  throw invalid(`nextToken: ${TOKEN}`)
}
