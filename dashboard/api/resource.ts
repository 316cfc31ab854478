/** Answers that a page asks for itself, because they are in no event. */
import { useCallback, useEffect, useState } from 'preact/hooks'

export interface Resource<Value> {
  /** The last answer; it stays while the next one is loaded, and after an error. */
  readonly value: Value | undefined
  readonly error: Error | undefined
  /** True once loading has taken so long that people should see it. */
  readonly isSlow: boolean
  readonly reload: () => void
}

interface Loaded<Value> {
  readonly key: string
  readonly value?: Value
  readonly error?: Error
}

/** Nobody sees a spinner that is gone after this. */
const NOTICED_MS = 300

/**
 * Loads when `key` changes, and on `reload`. The answers of another key are never shown.
 * @param everyMs loads again that long after each answer, while the page is visible
 */
export function useResource<Value>(
  key: string,
  load: (signal: AbortSignal) => Promise<Value>,
  everyMs?: number,
): Resource<Value> {
  const [loaded, setLoaded] = useState<Loaded<Value>>({ key })
  const [isSlow, setSlow] = useState(false)
  const [round, setRound] = useState(0)
  const reload = useCallback(() => setRound((before) => before + 1), [])

  useEffect(() => {
    const abort = new AbortController()
    const slow = setTimeout(() => setSlow(true), NOTICED_MS)
    let next: ReturnType<typeof setTimeout> | undefined
    const finish = (result: Loaded<Value>): void => {
      if (abort.signal.aborted) return
      clearTimeout(slow)
      setSlow(false)
      setLoaded((before) => merged(before, result))
      if (everyMs !== undefined) next = setTimeout(again, everyMs)
    }
    const again = (): void => {
      if (document.hidden) next = setTimeout(again, everyMs)
      else reload()
    }
    load(abort.signal).then(
      (value) => finish({ key, value }),
      (thrown: unknown) =>
        finish({ key, error: thrown instanceof Error ? thrown : new Error(String(thrown)) }),
    )
    return () => {
      abort.abort()
      clearTimeout(slow)
      clearTimeout(next)
    }
    // `load` is a new function each time; `key` says when it is another one.
  }, [key, round, everyMs, reload])

  const shown: Loaded<Value> = loaded.key === key ? loaded : { key }
  return { value: shown.value, error: shown.error, isSlow, reload }
}

/** An error keeps the value that was there. */
function merged<Value>(before: Loaded<Value>, result: Loaded<Value>): Loaded<Value> {
  return before.key === result.key && result.error !== undefined ? { ...before, ...result } : result
}
