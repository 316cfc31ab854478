/** The query that runs, or its result. */
import { type ReadonlySignal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { remember } from './query-history.ts'
import type { Result } from './result/result-row.ts'
import { runQuery } from './run-query.ts'

export type QueryState =
  | { readonly kind: 'none' | 'cancelled' }
  | { readonly kind: 'running'; readonly since: number; readonly rows: number }
  | { readonly kind: 'done'; readonly sql: string; readonly result: Result }
  | { readonly kind: 'failed'; readonly error: Error }

export interface Query {
  readonly state: ReadonlySignal<QueryState>
  readonly run: (sql: string) => void
  /** Esc does the same. */
  readonly cancel: () => void
}

export function useQuery(): Query {
  const state = useSignal<QueryState>({ kind: 'none' })
  const running = useRef<AbortController>(undefined)
  const cancel = (): void => {
    running.current?.abort()
    running.current = undefined
  }
  const run = async (sql: string): Promise<void> => {
    cancel()
    const own = new AbortController()
    running.current = own
    const since = Date.now()
    state.value = { kind: 'running', since, rows: 0 }
    remember(sql)
    const onRows = (rows: number): void => {
      // Each row would be a redraw.
      if (rows % 100 === 0) state.value = { kind: 'running', since, rows }
    }
    let next: QueryState
    try {
      next = { kind: 'done', sql, result: await runQuery(sql, { signal: own.signal, onRows }) }
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown))
      next = own.signal.aborted ? { kind: 'cancelled' } : { kind: 'failed', error }
    }
    // A newer query has the place already.
    if (running.current !== own && running.current !== undefined) return
    running.current = undefined
    state.value = next
  }
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      // One that closes a list is for the list alone.
      if (event.key === 'Escape' && !event.defaultPrevented) cancel()
    }
    addEventListener('keydown', onKey)
    // Leaving the page cancels, too.
    return () => {
      removeEventListener('keydown', onKey)
      cancel()
    }
  }, [])
  return { state, run: (sql) => void run(sql), cancel }
}
