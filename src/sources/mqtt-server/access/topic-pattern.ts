/**
 * Topic patterns of access rules: topic filters in which `%c` and `%u` stand for the client id and
 * the user name. Each takes one whole level and can never become more: if the name contains `/`,
 * `+` or `#`, or would make a `$` topic, the pattern matches nothing.
 */
import type { Levels } from '../../../topics.ts'

const NOT_IN_A_LEVEL = /[/+#\0]/

/** The pattern for one client; undefined if it can't match anything for that client. */
export function resolvePattern(
  pattern: string,
  clientId: string,
  userName: string | undefined,
): Levels | undefined {
  const levels: string[] = []
  for (const level of pattern.split('/')) {
    if (level !== '%c' && level !== '%u') {
      levels.push(level)
      continue
    }
    const name = level === '%c' ? clientId : userName
    if (name === undefined || !isLevel(name, levels.length === 0)) return undefined
    levels.push(name)
  }
  return levels
}

function isLevel(name: string, isFirst: boolean): boolean {
  return name.length > 0 && !NOT_IN_A_LEVEL.test(name) && !(isFirst && name.startsWith('$'))
}
