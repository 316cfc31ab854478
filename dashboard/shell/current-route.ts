/** The route of the address bar, as a signal. */
import { signal } from '@preact/signals'
import { linkTo, parseRoute, type Route } from '../route.ts'

export const route = signal<Route>(parseRoute(location.hash))

/** The link to the content is no page: the browser has gone there, and the address stays. */
export function readAddress(): void {
  const { page, name, query } = route.peek()
  if (location.hash === '#main') history.replaceState(null, '', linkTo(page, name, query))
  else route.value = parseRoute(location.hash)
}

/** Call once. */
export function followAddress(): void {
  addEventListener('hashchange', readAddress)
}

export function goTo(link: string): void {
  location.hash = link
}

/** Changes parameters of the page that is shown, without an entry in the history. */
export function setQuery(changes: Readonly<Record<string, string>>): void {
  const { page, name, query } = route.value
  const link = linkTo(page, name, { ...query, ...changes })
  history.replaceState(null, '', link)
  route.value = parseRoute(link)
}
