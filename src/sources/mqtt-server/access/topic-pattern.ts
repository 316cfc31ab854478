/**
 * Topic patterns of access rules: topic filters in which `%c` and `%u` stand for the client id and
 * the user name. Each takes one whole level and can never become more: if the name contains `/`,
 * `+` or `#`, or would make a `$` topic, the pattern matches nothing.
 */

/** A pattern, or a filter, cut into its levels. */
export type Levels = readonly string[]

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

/** Whether every topic that `filter` matches is matched by `pattern`. A topic is a filter too. */
export function covers(pattern: Levels, filter: Levels): boolean {
  if (isKeptApart(pattern, filter)) return false
  for (let i = 0; ; i++) {
    const allowed = pattern[i]
    const wanted = filter[i]
    if (allowed === '#') return true
    if (allowed === undefined || wanted === undefined) return allowed === wanted
    if (wanted === '#') return false
    if (allowed !== '+' && allowed !== wanted) return false
  }
}

/** Whether some topic can match both. */
export function overlaps(one: Levels, other: Levels): boolean {
  if (isKeptApart(one, other) || isKeptApart(other, one)) return false
  for (let i = 0; ; i++) {
    const left = one[i]
    const right = other[i]
    if (left === '#' || right === '#') return true
    if (left === undefined || right === undefined) return left === right
    if (left !== '+' && right !== '+' && left !== right) return false
  }
}

/** A wildcard in front matches no topic that begins with `$` [MQTT-4.7.2-1]. */
function isKeptApart(pattern: Levels, filter: Levels): boolean {
  return (pattern[0] === '#' || pattern[0] === '+') && filter[0]?.startsWith('$') === true
}
