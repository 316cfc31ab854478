/** Numbers as people read them. */

/** `12,345` */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
