/**
 * An order that does not change while somebody reads. The first rows give the order; later, a row
 * that comes takes the place of one that has gone, or the last one. `sort` takes the order as it is
 * now.
 */
import { useRef, useState } from 'preact/hooks'
import { keptOrder } from './kept-order.ts'

export interface StableOrder<Row> {
  readonly rows: readonly Row[]
  /** True if the rows as they came have another order. */
  readonly isOld: boolean
  readonly sort: () => void
}

export function useStableOrder<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): StableOrder<Row> {
  const order = useRef<readonly string[]>([])
  const [, redraw] = useState(0)
  const keys = rows.map(keyOf)
  order.current = keptOrder(order.current, keys)
  const byKey = new Map(rows.map((row) => [keyOf(row), row]))
  return {
    rows: order.current.flatMap((key) => byKey.get(key) ?? []),
    isOld: order.current.some((key, index) => key !== keys[index]),
    sort: () => {
      order.current = []
      redraw((before) => before + 1)
    },
  }
}
