/** Access rules, compared with MQTT's matching of single topics. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { permissionsFor } from '../../src/sources/mqtt-server/access/access-list.ts'
import { type AccessRule, accessRules } from '../../src/sources/mqtt-server/access/access-rule.ts'
import { covers, overlaps } from '../../src/topics.ts'

/** [MQTT-4.7], written again in the simplest way. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const source = filter
    .split('/')
    .map((level) => (level === '+' ? '[^/]*' : level.replace(/[.*?^${}()|[\]\\]/g, '\\$&')))
    .join('/')
    .replace(/(^|\/)#$/, (_, slash) => (slash === '' ? '.*' : '(/.*)?'))
  return new RegExp(`^${source}$`, 's').test(topic)
}

const level = fc.constantFrom('a', 'b', '', '$SYS', 'me')
const topic = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((text) => text !== '')
const filterOf = (levels: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.array(fc.oneof(levels, fc.constant('+')), { maxLength: 3 }), fc.boolean())
    .map(([parts, isOpen]) => [...parts, ...(isOpen || parts.length === 0 ? ['#'] : [])].join('/'))
    .filter((text) => text !== '')
const filter = filterOf(level)
const pattern = filterOf(fc.oneof(level, fc.constantFrom('%c', '%u')))
const rule: fc.Arbitrary<AccessRule> = fc.record({
  deny: fc.boolean(),
  publish: fc.array(pattern, { maxLength: 2 }),
  subscribe: fc.array(pattern, { maxLength: 2 }),
})
const rules = fc.array(rule, { maxLength: 4 })

test('a pattern covers a filter only if it matches all topics of the filter', () => {
  fc.assert(
    fc.property(filter, filter, topic, (one, other, name) => {
      const [pattern, wanted] = [one.split('/'), other.split('/')]
      if (covers(pattern, wanted) && matches(other, name)) assert(matches(one, name))
      assert.equal(covers(pattern, name.split('/')), matches(one, name))
    }),
    { numRuns: 5_000 },
  )
})

test('two filters overlap wherever one topic matches both', () => {
  fc.assert(
    fc.property(filter, filter, topic, (one, other, name) => {
      if (matches(one, name) && matches(other, name)) {
        assert(overlaps(one.split('/'), other.split('/')))
      }
    }),
    { numRuns: 5_000 },
  )
})

test('a subscription that is allowed brings no topic that the rules refuse by itself', () => {
  fc.assert(
    fc.property(rules, filter, topic, (list, wanted, name) => {
      const permissions = permissionsFor(list, 'me', 'a')
      if (!permissions.maySubscribe(wanted) || !matches(wanted, name)) return
      const only = list.find(({ subscribe }) =>
        subscribe.some((text) => matches(text.replaceAll('%c', 'me').replaceAll('%u', 'a'), name)),
      )
      assert.equal(only?.deny, false)
    }),
    { numRuns: 10_000 },
  )
})

test('for publishing, the first rule that names the topic decides, and the answer stays the same', () => {
  fc.assert(
    fc.property(rules, fc.array(topic, { maxLength: 10 }), (list, names) => {
      const permissions = permissionsFor(list, 'me', 'a')
      for (const name of [...names, ...names]) {
        const first = list.find(({ publish }) =>
          publish.some((text) => matches(text.replaceAll('%c', 'me').replaceAll('%u', 'a'), name)),
        )
        assert.equal(permissions.mayPublish(name), first?.deny === false)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a client id or user name in a rule matches no more than its own level', () => {
  const nasty = fc.oneof(
    fc.constantFrom(
      '+',
      '#',
      '/',
      '../#',
      'a/#',
      'a/b',
      '$SYS',
      '$share',
      '',
      '%u',
      '%c',
      '*',
      '\0',
    ),
    fc.string({ unit: fc.constantFrom('a', '/', '+', '#', '$', '%', 'c', 'u', '*') }),
  )
  fc.assert(
    fc.property(nasty, nasty, topic, filter, (clientId, userName, name, wanted) => {
      const list = accessRules.parse([
        { publish: ['own/%c/x', '%u/y'], subscribe: ['own/%c/#', '%u/+'] },
      ])
      const permissions = permissionsFor(list, clientId, userName)
      const own = ['own', clientId, 'x']
      const isOwn = name === own.join('/') && name.split('/').length === 3
      const isUsers = name === `${userName}/y` && name.split('/').length === 2
      if (permissions.mayPublish(name)) assert(isOwn || isUsers)
      for (const text of [
        name,
        `own/${name}`,
        'own/b/x',
        'b/y',
        `${clientId}/y`,
        'own/+/x',
        '$SYS/y',
      ]) {
        const levels = text.split('/')
        const isPlain = levels.length === 3 && levels[0] === 'own' && levels[1] === clientId
        const isUser = levels.length === 2 && levels[0] === userName && !userName.startsWith('$')
        if (permissions.mayPublish(text))
          assert((isPlain && levels[2] === 'x') || (isUser && levels[1] === 'y'))
      }
      if (!permissions.maySubscribe(wanted)) return
      const levels = wanted.split('/')
      assert(!/^[+#]/.test(levels[0] ?? ''))
      assert(levels[0] === userName || (levels[0] === 'own' && levels[1] === clientId))
    }),
    { numRuns: 5_000 },
  )
})
