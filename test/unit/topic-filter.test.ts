import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TopicFilter } from '../../src/topics.ts'

const CASES: readonly [filter: string, topic: string, matches: boolean][] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/tennis/player1/#', 'sport/tennis/player2', false],
  ['sport/#', 'sport', true],
  ['sport/#', 'sports', false],
  ['#', 'a', true],
  ['#', '/', true],
  ['#', '$SYS/x', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/x', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['+/#', 'a', true],
  ['a/+/#', 'a', false],
  ['a/+/c', 'a//c', true],
  ['a/b', 'a/b/', false],
  ['a/b/', 'a/b', false],
]

test('filters match topics as MQTT 3.1.1 section 4.7 says', () => {
  for (const [filter, topic, matches] of CASES) {
    assert.equal(new TopicFilter(filter).matches(topic), matches, `${filter} on ${topic}`)
  }
})
