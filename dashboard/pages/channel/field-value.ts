/** The value at a path of a payload, as the API writes paths: `motor.temp`, `readings[0]`. */

export function numberAt(payload: string | undefined, path: string): number | null {
  const value = valueAt(parsed(payload), path)
  return typeof value === 'number' ? value : null
}

function valueAt(root: unknown, path: string): unknown {
  let value = root
  for (const [, name, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    if (typeof value !== 'object' || value === null) return undefined
    const key = name ?? index ?? ''
    value = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
  }
  return value
}

function parsed(payload: string | undefined): unknown {
  try {
    return JSON.parse(payload ?? '')
  } catch {
    return undefined
  }
}
