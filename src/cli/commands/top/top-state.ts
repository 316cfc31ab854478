/** What the keys of `top` have chosen: a page, an order, a filter, a row. */
import type { TopData } from './live-data.ts'

export const PAGES = ['channels', 'destinations', 'clients'] as const
export type Page = (typeof PAGES)[number]

export interface TopState {
  readonly page: Page
  /** By page: what the rows are sorted by. */
  readonly sort: Readonly<Record<Page, string>>
  /**
   * By page: the names in the order of when they were sorted. Rows keep their places until they are
   * sorted again; new ones come last.
   */
  readonly order: Readonly<Record<Page, readonly string[]>>
  readonly filter: string
  /** The filter is being typed. */
  readonly isTyping: boolean
  readonly selected: string | undefined
  /** The channel whose messages are shown. */
  readonly tailed: string | undefined
  readonly isPaused: boolean
  readonly hasEnded: boolean
}

/** A row of any page, with what it can be sorted by. */
export interface SortableRow {
  readonly name: string
  readonly figures: Readonly<Record<string, number>>
}

export const FIRST_STATE: TopState = {
  page: 'channels',
  sort: { channels: 'name', destinations: 'name', clients: 'name' },
  order: { channels: [], destinations: [], clients: [] },
  filter: '',
  isTyping: false,
  selected: undefined,
  tailed: undefined,
  isPaused: false,
  hasEnded: false,
}

const PAGE_ROWS = 10

export function rowsOf(page: Page, data: TopData): readonly SortableRow[] {
  switch (page) {
    case 'channels':
      return data.channels.map(({ name, in: rate, out, waiting, lost }) => ({
        name,
        figures: { in: rate, out, waiting, lost },
      }))
    case 'destinations':
      return data.destinations.map(({ name, out, waiting }) => ({
        name,
        figures: { out, waiting },
      }))
    case 'clients':
      return data.clients.clients.map(({ clientId, in: rate, received }) => ({
        name: clientId,
        figures: { in: rate, received },
      }))
  }
}

/** The names of the page's rows that the filter lets through, in the order of the page. */
export function visibleNames({ page, order, filter }: TopState, data: TopData): readonly string[] {
  const places = new Map(order[page].map((name, place) => [name, place]))
  const last = places.size
  const wanted = filter.toLowerCase()
  return rowsOf(page, data)
    .map(({ name }) => name)
    .filter((name) => name.toLowerCase().includes(wanted))
    .sort(
      (one, other) =>
        (places.get(one) ?? last) - (places.get(other) ?? last) || compared(one, other),
    )
}

/** The state after a key. Keys without a meaning change nothing. */
export function afterKey(state: TopState, key: string, text: string, data: TopData): TopState {
  if (state.isTyping) return afterTyping(state, key, text)
  const move = MOVES[key]
  if (move !== undefined) return moved(state, move, data)
  switch (key) {
    case 'q':
      return { ...state, hasEnded: true }
    case 'p':
    case 'space':
      return { ...state, isPaused: !state.isPaused }
    case 'escape':
      return state.tailed === undefined ? { ...state, filter: '' } : { ...state, tailed: undefined }
    default:
      return state.tailed === undefined ? afterListKey(state, key, text, data) : state
  }
}

function afterListKey(state: TopState, key: string, text: string, data: TopData): TopState {
  switch (key) {
    case 'tab':
      return { ...state, page: neighbour(PAGES, state.page, 1), selected: undefined }
    case 'shift-tab':
      return { ...state, page: neighbour(PAGES, state.page, -1), selected: undefined }
    case 's':
      return sorted(state, neighbour(sortsOf(state.page, data), state.sort[state.page], 1), data)
    case 'r':
      return sorted(state, state.sort[state.page], data)
    case 'return':
    case 'enter':
      return state.page === 'channels' ? { ...state, tailed: selectedIn(state, data) } : state
    default:
      return text === '/' ? { ...state, isTyping: true, filter: '' } : state
  }
}

function afterTyping(state: TopState, key: string, text: string): TopState {
  if (key === 'return' || key === 'enter') return { ...state, isTyping: false }
  if (key === 'escape') return { ...state, isTyping: false, filter: '' }
  if (key === 'backspace') return { ...state, filter: [...state.filter].slice(0, -1).join('') }
  return /^[^\p{C}]+$/u.test(text) ? { ...state, filter: state.filter + text } : state
}

/** The chosen row, otherwise the first one; undefined if there is none. */
export function selectedIn(state: TopState, data: TopData): string | undefined {
  const names = visibleNames(state, data)
  const { selected } = state
  return selected !== undefined && names.includes(selected) ? selected : names[0]
}

const MOVES: Readonly<Record<string, number>> = {
  up: -1,
  k: -1,
  down: 1,
  j: 1,
  pageup: -PAGE_ROWS,
  pagedown: PAGE_ROWS,
  home: Number.NEGATIVE_INFINITY,
  end: Number.POSITIVE_INFINITY,
}

function moved(state: TopState, by: number, data: TopData): TopState {
  const names = visibleNames(state, data)
  const place = names.indexOf(selectedIn(state, data) ?? '')
  return { ...state, selected: names[Math.min(Math.max(0, place + by), names.length - 1)] }
}

function sortsOf(page: Page, data: TopData): readonly string[] {
  return ['name', ...Object.keys(rowsOf(page, data)[0]?.figures ?? {})]
}

/** Names from A on, figures from the largest on. */
function sorted(state: TopState, by: string, data: TopData): TopState {
  const { page } = state
  const rows = [...rowsOf(page, data)].sort(
    (one, other) =>
      (other.figures[by] ?? 0) - (one.figures[by] ?? 0) || compared(one.name, other.name),
  )
  return {
    ...state,
    sort: { ...state.sort, [page]: by },
    order: { ...state.order, [page]: rows.map(({ name }) => name) },
  }
}

function neighbour<Item>(items: readonly Item[], item: Item, step: 1 | -1): Item {
  return items.at((items.indexOf(item) + step) % items.length) ?? item
}

function compared(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
