/** No more than a person can read: the rest is left out, and counted. */
import type { Clock, Timer } from '../../../clock.ts'

const WINDOW_MS = 1_000

export interface RateLimit {
  readonly perSecond: number
  readonly clock: Pick<Clock, 'after'>
  /** Called at the end of a second in which something was left out. */
  readonly onSkipped: (count: number) => void
}

/** Passes on the first items of each second; a second begins with an item. */
export async function* limited<Item>(
  items: AsyncIterable<Item>,
  { perSecond, clock, onSkipped }: RateLimit,
): AsyncGenerator<Item> {
  let shown = 0
  let skipped = 0
  let second: Timer | undefined
  const endSecond = (): void => {
    second?.cancel()
    second = undefined
    if (skipped > 0) onSkipped(skipped)
    shown = 0
    skipped = 0
  }
  try {
    for await (const item of items) {
      second ??= clock.after(WINDOW_MS, endSecond)
      if (shown < perSecond) {
        shown += 1
        yield item
      } else skipped += 1
    }
  } finally {
    endSecond()
  }
}
