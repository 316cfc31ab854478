/**
 * Evaluates the access rules in their order. For each topic, the first rule that applies to the
 * client and names the topic decides; a topic that no rule names is refused.
 *
 * A subscription is decided as a whole, so that nothing has to be checked when messages go out: an
 * allowing rule must cover the whole filter, a denying rule applies as soon as it shares a topic
 * with the filter.
 */

import { covers, type Levels, overlaps } from '../../../topics.ts'
import type { Permissions } from './access-control.ts'
import type { AccessRule } from './access-rule.ts'
import { type Answers, RememberedAnswers } from './remembered-answers.ts'
import { resolvePattern } from './topic-pattern.ts'

/** A rule that applies to the client, with the client's names filled in. */
interface ClientRule {
  readonly allows: boolean
  readonly publish: readonly Levels[]
  readonly subscribe: readonly Levels[]
}

export function permissionsFor(
  rules: readonly AccessRule[],
  clientId: string,
  userName: string | undefined,
  remembered = new RememberedAnswers(),
): Permissions {
  const resolved = (patterns: readonly string[]): Levels[] =>
    patterns.flatMap((pattern) => {
      const levels = resolvePattern(pattern, clientId, userName)
      return levels === undefined ? [] : [levels]
    })
  const applying = rules.filter((rule) => appliesTo(rule, clientId, userName))
  return new ListedPermissions(
    applying.map(({ publish, subscribe, deny }) => ({
      allows: !deny,
      publish: resolved(publish),
      subscribe: resolved(subscribe),
    })),
    remembered,
  )
}

class ListedPermissions implements Permissions {
  readonly #rules: readonly ClientRule[]
  /** No rule looks at more levels of a topic. */
  readonly #maxLevels: number
  readonly #remembered: RememberedAnswers
  readonly #answers: Answers = new Map()

  constructor(rules: readonly ClientRule[], remembered: RememberedAnswers) {
    this.#rules = rules
    this.#remembered = remembered
    const patterns = rules.flatMap(({ publish }) => publish)
    this.#maxLevels = 1 + Math.max(0, ...patterns.map(({ length }) => length))
  }

  mayPublish(topic: string): boolean {
    const known = this.#answers.get(topic)
    if (known !== undefined) return known
    const levels = topic.split('/', this.#maxLevels)
    const rule = this.#rules.find(({ publish }) =>
      publish.some((pattern) => covers(pattern, levels)),
    )
    this.#remembered.remember(this.#answers, topic, rule?.allows ?? false)
    return rule?.allows ?? false
  }

  maySubscribe(filter: string): boolean {
    const levels = filter.split('/')
    const rule = this.#rules.find(({ allows, subscribe }) =>
      subscribe.some((pattern) => (allows ? covers : overlaps)(pattern, levels)),
    )
    return rule?.allows ?? false
  }
}

function appliesTo(rule: AccessRule, clientId: string, userName: string | undefined): boolean {
  const { user, anonymous, clientId: ids } = rule
  if (anonymous === true && userName !== undefined) return false
  if (user === '*' && userName === undefined) return false
  if (user !== undefined && user !== '*' && user !== userName) return false
  return ids === undefined || matchesId(ids, clientId, userName)
}

/** `*` matches anything, `%u` the user name, every other character itself. */
function matchesId(pattern: string, clientId: string, userName: string | undefined): boolean {
  if (pattern.includes('%u') && userName === undefined) return false
  const parts = pattern.split('*').map((part) => part.replaceAll('%u', () => userName ?? ''))
  const [first = '', ...others] = parts
  if (!clientId.startsWith(first)) return false
  const last = others.pop()
  if (last === undefined) return clientId === first
  let at = first.length
  for (const part of others) {
    const found = clientId.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return clientId.length - last.length >= at && clientId.endsWith(last)
}
