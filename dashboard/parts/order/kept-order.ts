/** A key that comes takes the place of one that has gone, or the last one. */
export function keptOrder(before: readonly string[], keys: readonly string[]): readonly string[] {
  const present = new Set(keys)
  const known = new Set(before)
  const coming = keys.filter((key) => !known.has(key))
  const kept = before.flatMap((key) => {
    if (present.has(key)) return [key]
    const next = coming.shift()
    return next === undefined ? [] : [next]
  })
  return [...kept, ...coming]
}
