/** The stream of this tab: into the store, with the state of the link. */
import { computed, effect, signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { needsLogin } from '../api/client.ts'
import { checkSession, session } from '../api/session.ts'
import { compareClocks } from './clock.ts'
import { addToHistory, loadHistory } from './history.ts'
import { channels, clients, destinations, hello, ledger, overview, passTail } from './store.ts'
import { type EventConnection, type LinkState, Stream } from './stream.ts'

export type Topic =
  | 'overview'
  | 'channels'
  | 'destinations'
  | 'clients'
  | 'ledger'
  | `tail:${string}`

export const link = signal<{ readonly state: LinkState; readonly since: number }>({
  state: 'connecting',
  since: Date.now(),
})
export const isStale = computed(() => link.value.state === 'lost')
/** The build of the page that is loaded, and the one that the connector has now. */
const loadedBuild = document.querySelector<HTMLMetaElement>('meta[name=build]')?.content
export const isOutdated = computed(
  () => hello.value !== undefined && hello.value.build !== loadedBuild,
)

const stream = new Stream({
  open: openEventSource,
  onEvent: store,
  onState: (state) => {
    // The browser hides the reason. If it is a session that has ended, a login helps. After a restart
    // only a later attempt is answered, so each one asks.
    if (state === 'lost') void checkSession()
    if (link.peek().state === state) return
    link.value = { state, since: Date.now() }
    if (state === 'live') void loadHistory()
  },
  after: (delayMs, call) => {
    const timeout = setTimeout(call, delayMs)
    return () => clearTimeout(timeout)
  },
})

/** Call once. */
export function startEvents(): void {
  // On every page: its verdict is in the banner.
  stream.want('overview')
  const follow = (): void => stream.setHidden(document.hidden || needsLogin.peek())
  document.addEventListener('visibilitychange', follow)
  // Without a login every attempt would be refused; after it, the first one is made at once.
  effect(() => {
    void needsLogin.value
    follow()
  })
}

export function reconnect(): void {
  stream.retry()
}

/** Asks for a topic while the component is shown; what comes is in the store. */
export function useTopic(topic: Topic): void {
  useEffect(() => stream.want(topic), [topic])
}

function store(name: string, data: string): void {
  const value = parsed(data)
  if (value === undefined) return
  STORES[name]?.(value)
}

// The server checks its answers against the schemas in its tests, so they are taken as they come.
const STORES: Readonly<Record<string, (value: never) => void>> = {
  hello: (value: NonNullable<typeof hello.value>) => {
    hello.value = value
    compareClocks(value.now)
    // The session has ended with a restart, and everyone may still view.
    if (String(session.peek()?.rights) !== String(value.rights)) void checkSession()
  },
  overview: (value: NonNullable<typeof overview.value>) => {
    overview.value = value
    compareClocks(value.now)
    addToHistory(value)
  },
  channels: (value: NonNullable<typeof channels.value>) => {
    channels.value = value
  },
  destinations: (value: NonNullable<typeof destinations.value>) => {
    destinations.value = value
  },
  clients: (value: NonNullable<typeof clients.value>) => {
    clients.value = value
  },
  ledger: (value: NonNullable<typeof ledger.value>) => {
    ledger.value = value
  },
  tail: passTail,
}

const EVENTS = Object.keys(STORES)

/** A proxy that cuts an event makes it unreadable; the next one has everything again. */
function parsed(data: string): never | undefined {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

function openEventSource(topics: readonly string[]): EventConnection {
  const query = new URLSearchParams({ topics: topics.join(',') })
  const source = new EventSource(`api/v1/events?${query}`)
  const connection: EventConnection = {
    onEvent: () => {},
    onEnd: () => {},
    close: () => source.close(),
  }
  for (const name of EVENTS) {
    source.addEventListener(name, ({ data }) => connection.onEvent(name, data))
  }
  // Its own retries end at the first answer that is an error, so it makes none here.
  source.onerror = () => connection.onEnd()
  return connection
}
