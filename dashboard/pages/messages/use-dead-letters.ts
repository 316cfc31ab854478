/** The dead letters that match, page after page. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { DeadLetter } from '../../../src/http/api/shapes/messages.ts'
import { useResource } from '../../api/resource.ts'
import { type DeadLetterFilter, deadLettersFrom } from './read-dead-letters.ts'

export interface DeadLetterList {
  readonly letters: readonly DeadLetter[]
  readonly next: number | undefined
  readonly isLoaded: boolean
  readonly isSlow: boolean
  readonly error: Error | undefined
  readonly more: () => void
  readonly reload: () => void
}

/** More on one page would make it slow; a filter finds what is not shown. */
const MAX_SHOWN = 1_000

export function useDeadLetters(filter: DeadLetterFilter): DeadLetterList {
  const key = JSON.stringify(filter)
  const [extra, setExtra] = useState<readonly DeadLetter[]>([])
  const [next, setNext] = useState<number | undefined>()
  const [failure, setFailure] = useState<Error | undefined>()
  const abort = useRef<AbortController>(undefined)
  const first = useResource(`dead letters ${key}`, (signal) =>
    deadLettersFrom(filter, 0, { signal }),
  )
  useEffect(() => {
    abort.current?.abort()
    setExtra([])
    setFailure(undefined)
    setNext(first.value?.next)
  }, [first.value])
  const letters = [...(first.value?.letters ?? []), ...extra]

  const more = async (): Promise<void> => {
    if (next === undefined) return
    abort.current?.abort()
    const own = new AbortController()
    abort.current = own
    try {
      const page = await deadLettersFrom(filter, next, { signal: own.signal })
      if (own.signal.aborted) return
      setExtra([...extra, ...page.letters])
      setNext(page.next)
    } catch (thrown) {
      if (!own.signal.aborted)
        setFailure(thrown instanceof Error ? thrown : new Error(String(thrown)))
    }
  }
  return {
    letters,
    next: letters.length >= MAX_SHOWN ? undefined : next,
    isLoaded: first.value !== undefined,
    isSlow: first.isSlow,
    error: first.error ?? failure,
    more: () => void more(),
    reload: first.reload,
  }
}
