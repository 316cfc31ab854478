/** The pages: their titles, and the code of each, loaded when it is opened for the first time. */
import type { ComponentType } from 'preact'
import { OverviewPage } from './pages/overview/overview-page.tsx'
import type { PageName } from './route.ts'

export const TITLES: Readonly<Record<PageName, string>> = {
  overview: 'Overview',
  channels: 'Channels',
  destinations: 'Destinations',
  messages: 'Messages',
  query: 'Query',
  clients: 'Clients',
  ledger: 'Ledger',
  config: 'Config',
}

/** What people need first is in the first load. */
export const OVERVIEW: ComponentType = OverviewPage

export const LOADERS: Readonly<
  Record<Exclude<PageName, 'overview'>, () => Promise<ComponentType>>
> = {
  channels: async () => (await import('./pages/channels/channels-page.tsx')).ChannelsPage,
  destinations: async () =>
    (await import('./pages/destinations/destinations-page.tsx')).DestinationsPage,
  messages: async () => (await import('./pages/messages/messages-page.tsx')).MessagesPage,
  query: async () => (await import('./pages/query/query-page.tsx')).QueryPage,
  clients: async () => (await import('./pages/clients/clients-page.tsx')).ClientsPage,
  ledger: async () => (await import('./pages/ledger/ledger-page.tsx')).LedgerPage,
  config: async () => (await import('./pages/config/config-page.tsx')).ConfigPage,
}
