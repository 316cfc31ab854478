/** Times as people write them: ISO 8601, such as `2026-01-31T12:00:00Z`. */

/** Milliseconds since 1970; undefined if `text` is not a time that exists. */
export function parseTime(text: string): number | undefined {
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

export function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
