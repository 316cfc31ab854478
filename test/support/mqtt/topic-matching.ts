/**
 * Which topics a filter matches, by the letter of section 4.7, and topics and filters for
 * properties.
 */
import fc from 'fast-check'
import { isTopicFilter } from '../../../src/topics.ts'

/** A plain model: `a/#` matches `a` too. */
export function matches(filter: string, topic: string): boolean {
  return (
    matchesLevels(filter, topic) ||
    (filter.endsWith('/#') && matchesLevels(filter.slice(0, -2), topic))
  )
}

function matchesLevels(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[#+]/.test(filter)) return false
  const filters = filter.split('/')
  const names = topic.split('/')
  for (const [i, level] of filters.entries()) {
    if (level === '#') return true
    if (i >= names.length) return false
    if (level !== '+' && level !== names[i]) return false
  }
  return filters.length === names.length
}

const level = fc.constantFrom('a', 'b', '', '$s')

export const topicName = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((topic) => topic.length > 0)

export const topicFilter = fc
  .array(fc.constantFrom('a', 'b', '', '$s', '+', '#'), { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter(isTopicFilter)
