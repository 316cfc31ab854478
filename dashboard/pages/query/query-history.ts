/** The last queries, in this browser alone. */
import { signal } from '@preact/signals'

const KEY = 'iot-analytics-connector.queries'
const MAX_QUERIES = 30
/** Longer ones are not remembered: storage is small. */
const MAX_CHARACTERS = 4_000

/** The newest first. */
export const history = signal<readonly string[]>(read())

export function remember(sql: string): void {
  const text = sql.trim()
  if (text === '' || text.length > MAX_CHARACTERS) return
  write([text, ...history.peek().filter((one) => one !== text)].slice(0, MAX_QUERIES))
}

export function forgetAll(): void {
  write([])
}

/** Other programs of this origin may have written anything. */
function read(): readonly string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return Array.isArray(stored) ? stored.filter((one) => typeof one === 'string') : []
  } catch {
    return []
  }
}

function write(queries: readonly string[]): void {
  history.value = queries
  try {
    localStorage.setItem(KEY, JSON.stringify(queries))
  } catch {
    // Private windows and full storage: they last as long as the page.
  }
}
