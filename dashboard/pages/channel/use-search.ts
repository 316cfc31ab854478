/**
 * A search in what a channel has stored. Each request looks at a part of the log; this asks on until
 * enough is found, all is looked at, or somebody stops it.
 */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { FoundMessages, TailMessage } from '../../../src/http/api/shapes/messages.ts'
import { getJson } from '../../api/client.ts'

export interface SearchState {
  readonly messages: readonly TailMessage[]
  readonly looked: number
  readonly lookedUntil: string | undefined
  /** Offsets: where it began, where it goes on, and where the log ends. */
  readonly from: number | undefined
  readonly next: number | undefined
  readonly end: number | undefined
  readonly isRunning: boolean
  readonly error: Error | undefined
}

/** Then a person has to say that it should go on. */
const ENOUGH = 100
/** After the last key, so that no half-typed text is searched for. */
const PAUSE_MS = 400

const NOTHING: SearchState = {
  messages: [],
  looked: 0,
  lookedUntil: undefined,
  from: undefined,
  next: undefined,
  end: undefined,
  isRunning: true,
  error: undefined,
}

export interface RunningSearch {
  readonly state: SearchState
  readonly stop: () => void
  readonly goOn: () => void
}

/** Begins again when the channel, the start or the text changes. */
export function useSearch(path: string, from: string, text: string): RunningSearch {
  const state = useSignal<SearchState>(NOTHING)
  const abort = useRef(new AbortController())
  const stop = (): void => {
    abort.current.abort()
    state.value = { ...state.peek(), isRunning: false }
  }
  const run = async (start: string): Promise<void> => {
    const own = new AbortController()
    abort.current = own
    const { signal } = own
    const end = (error?: Error): void => {
      if (!signal.aborted) state.value = { ...state.peek(), isRunning: false, error }
    }
    state.value = { ...state.peek(), isRunning: true, error: undefined }
    try {
      for await (const part of parts({ path, text, start, signal })) {
        if (!signal.aborted) state.value = withPart(state.peek(), part)
      }
      end()
    } catch (thrown) {
      end(thrown instanceof Error ? thrown : new Error(String(thrown)))
    }
  }
  useEffect(() => {
    state.value = NOTHING
    const pause = setTimeout(() => void run(from), PAUSE_MS)
    return () => {
      clearTimeout(pause)
      abort.current.abort()
    }
  }, [path, from, text])
  const goOn = (): void => {
    const { next } = state.peek()
    // Those that were found make room, so that the page stays small.
    state.value = { ...state.peek(), messages: [] }
    void run(String(next ?? from))
  }
  return { state: state.value, stop, goOn }
}

interface Search {
  readonly path: string
  readonly text: string
  readonly start: string
  readonly signal: AbortSignal
}

async function* parts({ path, text, start, signal }: Search): AsyncGenerator<FoundMessages> {
  let from = start
  for (let found = 0; found < ENOUGH; ) {
    const query = new URLSearchParams({ text, from, limit: String(ENOUGH - found) })
    const part = await getJson<FoundMessages>(`${path}/search?${query}`, { signal })
    yield part
    found += part.messages.length
    from = String(part.next)
    // Nobody looks at a hidden tab, so its search waits to be asked.
    if (part.next >= part.end || document.hidden) return
  }
}

function withPart(before: SearchState, part: FoundMessages): SearchState {
  return {
    ...before,
    messages: [...before.messages, ...part.messages],
    looked: before.looked + part.looked,
    lookedUntil: part.lookedUntil ?? before.lookedUntil,
    from: before.from ?? part.from,
    next: part.next,
    end: part.end,
  }
}
