/** How many of `count` ascending numbers, given by their place, are `limit` or below. */
export function countUpTo(limit: number, count: number, at: (place: number) => number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (at(middle) <= limit) low = middle + 1
    else high = middle
  }
  return low
}
