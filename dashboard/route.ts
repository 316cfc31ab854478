/**
 * The page and its parameters live behind the `#` of the address, so every view is a link and the
 * dashboard works below any path: `#/channels/my_channel?tab=fields`.
 */

/** In the order of the navigation. On a phone, the first three are in the bar. */
export const PAGES = [
  'overview',
  'channels',
  'destinations',
  'messages',
  'query',
  'clients',
  'ledger',
  'config',
] as const
export type PageName = (typeof PAGES)[number]

export interface Route {
  readonly page: PageName
  /** What the page is about, such as a channel; empty for the page itself. */
  readonly name: string
  readonly query: Readonly<Record<string, string>>
}

/** An address that means nothing is the overview. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = splitOnce(hash.replace(/^#?\/?/, ''), '?')
  const [first = '', name = ''] = splitOnce(path, '/')
  const page = PAGES.find((one) => one === first)
  if (page === undefined) return { page: 'overview', name: '', query: {} }
  return { page, name: decoded(name), query: Object.fromEntries(new URLSearchParams(query)) }
}

/** The address of a page, for `href`. Parameters that are empty are left out. */
export function linkTo(page: PageName, name = '', query: Route['query'] = {}): string {
  const set = Object.entries(query).filter(([, value]) => value !== '')
  const path = name === '' ? page : `${page}/${encodeURIComponent(name)}`
  return set.length === 0 ? `#/${path}` : `#/${path}?${new URLSearchParams(set)}`
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** A `%` that a person typed is no escape. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
