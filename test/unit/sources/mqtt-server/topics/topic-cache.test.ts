/** What the cache knows about a topic, and how it recognizes topics by their bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolViolation } from '../../../../../src/sources/mqtt-server/packets/protocol-violation.ts'
import { keptTopic, TopicCache } from '../../../../../src/sources/mqtt-server/topics/topic-cache.ts'

const ROUTE = { kind: 'binary' } as const

function cacheOf(protectedTopics: readonly string[] = []) {
  const intake = { route: (topic: string) => (topic.startsWith('taken/') ? ROUTE : undefined) }
  const cache = new TopicCache(intake, protectedTopics)
  const find = (name: string | Buffer) => {
    const bytes = Buffer.from(name)
    return cache.find(bytes, 0, bytes.length)
  }
  return { cache, find }
}

test('the topic cache knows a topic again by its bytes and never mistakes one for another', () => {
  let lookups = 0
  const intake = {
    route() {
      lookups++
      return undefined
    },
  }
  const cache = new TopicCache(intake, ['secret'])
  const bytes = Buffer.from('padding/a/b/padding')

  const first = cache.find(bytes, 8, 11)
  const again = cache.find(Buffer.from('a/b'), 0, 3)
  for (let i = 0; i < 20_000; i++) {
    const name = Buffer.from(`topic/${i}`)
    assert.equal(cache.find(name, 0, name.length).name, `topic/${i}`)
  }

  assert.equal(first, again)
  assert.equal(first.name, 'a/b')
  assert.equal(lookups, 20_001)
  assert.equal(cache.named('secret').isProtected, true)
})

test('a topic has the route of the intake, or none', () => {
  const { find } = cacheOf()

  assert.equal(find('taken/a').route, ROUTE)
  assert.equal(find('other/a').route, undefined)
})

test("clients may not publish to protected topics, the server's own and shared filters", () => {
  const { find } = cacheOf(['status'])

  for (const name of ['status', '$SYS/broker/uptime', '$share/g/a']) {
    assert.equal(find(name).isProtected, true, name)
  }
  for (const name of ['status/x', '$SYS/broker/connection/bridge-1/state', '$other']) {
    assert.equal(find(name).isProtected, false, name)
  }
})

test('a topic longer than the specification allows has a fault and is not kept', () => {
  const { cache, find } = cacheOf()
  const name = `taken/${'é'.repeat(130)}`

  assert.equal(find('a'.repeat(256)).fault, undefined)
  assert.match(find(name).fault ?? '', /266 bytes of UTF-8; at most 256/)
  assert.notEqual(find(name), find(name))
  assert.notEqual(cache.named(name), cache.named(name))
  assert.ok(keptTopic(find(name)).name.length < 70)
  assert.equal(keptTopic(find(name)).route, ROUTE)
})

test('a topic with too many levels has a fault that names the limit', () => {
  const cache = new TopicCache({ route: () => ROUTE }, [], 3)

  assert.equal(cache.named('a/b/c').fault, undefined)
  assert.match(cache.named('a/b/c/').fault ?? '', /4 levels; at most 3 .*limits.maxTopicLevels/)
})

test('a name that no topic may have is a protocol violation', () => {
  const { cache, find } = cacheOf()

  for (const name of ['', 'a/+', '#', 'a\u0000b', Buffer.from([0x61, 0xff])]) {
    assert.throws(() => find(name), ProtocolViolation)
  }
  assert.throws(() => cache.named('a/#'), ProtocolViolation)
})

test('a topic given as text is described once', () => {
  const { cache } = cacheOf()

  const first = cache.named('$SYS/broker/uptime')

  assert.equal(cache.named('$SYS/broker/uptime'), first)
  assert.equal(first.bytes.toString(), '$SYS/broker/uptime')
})
