import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse, parseDocument } from 'yaml'
import { withWholeLists, yamlOf } from '../../../dashboard/pages/config/yaml-text.ts'

type Key = string | number

/** JSON has one zero. */
const positiveZero = (number: number): number => number + 0
const setting = (keys: Key[], value: unknown) => ({ keys, value })

test('settings are written as YAML that means the same', () => {
  const yaml = yamlOf([
    setting(['http', 'host'], '0.0.0.0'),
    setting(['http', 'port'], 8090),
    setting(['channels', '*', 'maxAge'], '7d'),
    setting(['channels', 'a.b', 'maxAge'], 'on'),
    setting(['channels', 'a', 'b'], 'another'),
    setting(['routes', 'plant/+/temp.1', 'channel'], 'x["y"]'),
    setting(['destinations', 0, 'name'], 'aws'),
    setting(['destinations', 0, 's3', 'tags'], ['a: b', '#']),
    setting(['destinations', 1, 'name'], 'yes'),
    setting(['destinations', 1, 'headers', '0'], 'a name, and no number'),
    setting(['empty'], {}),
    setting(['number'], '12'),
    setting(['address'], 'mqtt://10.0.0.2:1883'),
    setting(['comment'], 'a #b'),
    setting(['nothing'], null),
  ])

  assert.deepEqual(parse(yaml), {
    http: { host: '0.0.0.0', port: 8090 },
    channels: { '*': { maxAge: '7d' }, 'a.b': { maxAge: 'on' }, a: { b: 'another' } },
    routes: { 'plant/+/temp.1': { channel: 'x["y"]' } },
    destinations: [
      { name: 'aws', s3: { tags: ['a: b', '#'] } },
      { name: 'yes', headers: { '0': 'a name, and no number' } },
    ],
    empty: {},
    number: '12',
    address: 'mqtt://10.0.0.2:1883',
    comment: 'a #b',
    nothing: null,
  })
})

test('a secret stays masked wherever it is, and a comment says so', () => {
  const yaml = yamlOf([
    setting(['http', 'token'], '********'),
    setting(['destinations', 0, 'http', 'url'], 'https://a.example/in?********'),
    setting(['brokers'], ['mqtt://user:********@b.example', 'mqtt://c.example']),
  ])

  assert.equal(yaml.match(/# a secret, which is not shown/g)?.length, 3)
  assert.deepEqual(parse(yaml), {
    http: { token: '********' },
    destinations: [{ http: { url: 'https://a.example/in?********' } }],
    brokers: ['mqtt://user:********@b.example', 'mqtt://c.example'],
  })
})

test('hostile names and values come back as they are', () => {
  const unit = fc.constantFrom(
    ...[
      ...': #-?|>[]{},&*!%@`"\'\\\n\r\t\0~<=.012aeE_/',
      '\u202e',
      '\u2028',
      '\u0085',
      '\ufeff',
      '\ud800',
      '\u{e0001}',
    ],
  )
  const text = fc.oneof(fc.string({ unit, maxLength: 12 }), fc.string({ unit: 'binary' }))
  const known = fc.constantFrom('true', 'No', '~', '<<', '1e3', '0x1F', '---', 'key:', '2026-01-01')
  const words = fc.oneof(text, known)
  const long = fc.constant('long '.repeat(2_000))
  fc.assert(
    fc.property(
      fc.oneof({ weight: 9, arbitrary: words }, { weight: 1, arbitrary: long }),
      fc.oneof(
        words,
        fc.array(words),
        fc.double({ noNaN: true, noDefaultInfinity: true }).map(positiveZero),
      ),
      (name, value) => {
        const yaml = yamlOf([
          setting(['channels', name, 'first'], value),
          setting(['list', 0, name], value),
          setting(['list', 0, 'second'], 1),
        ])

        const document = parseDocument(yaml)

        assert.deepEqual([...document.errors, ...document.warnings], [])
        const read: unknown = document.toJS({ mapAsMap: true })
        const map = (...entries: [unknown, unknown][]) => new Map(entries)
        const first = name === 'second' ? map(['second', 1]) : map([name, value], ['second', 1])
        assert.deepEqual(
          read,
          map(['channels', map([name, map(['first', value])])], ['list', [first]]),
        )
        assert.doesNotMatch(yaml, /[\u0085\u2028\u202e\ufeff]/u)
      },
    ),
  )
})

test('a part of a list is copied with the whole list, because entries have no numbers in YAML', () => {
  const all = [
    setting(['http', 'port'], 8090),
    setting(['destinations', 0, 'name'], 'first'),
    setting(['destinations', 1, 'name'], 'second'),
    setting(['routes', 0, 'topic'], '#'),
  ]

  const copied = withWholeLists(all.slice(2, 3), all)

  assert.deepEqual(parse(yamlOf(copied)), { destinations: [{ name: 'first' }, { name: 'second' }] })
})
