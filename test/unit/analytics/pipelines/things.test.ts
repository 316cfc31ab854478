/** What is known of things: local files, and the cache for others. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { JsonObject } from '../../../../src/analytics/pipelines/json/json-value.ts'
import { CachedThings } from '../../../../src/analytics/pipelines/things/cached-things.ts'
import { readThings, ThingFile } from '../../../../src/analytics/pipelines/things/thing-file.ts'
import { systemClock } from '../../../../src/clock.ts'
import { temporaryFile } from '../../../support/disk/temporary-file.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { temporaryDirectory } from '../../../support/processes/running-connector.ts'
import { until } from '../../../support/until.ts'

const setting = 'analytics.registry'

function thingFile(path: string, clock = systemClock) {
  const problems: string[] = []
  const onProblem = (problem: string) => problems.push(problem)
  return { file: new ThingFile({ path, setting, clock, onProblem }), problems }
}

test('a file may be an object, an array, an answer of AWS, or lines', async (t) => {
  const a = { thingName: 'a', version: 1 }
  const b = { thingName: 'b', version: 2 }
  const forms = {
    object: JSON.stringify({ a, b }),
    array: JSON.stringify([a, b], null, 2),
    'answer of AWS': JSON.stringify({ things: [a, b] }),
    lines: `${JSON.stringify(a)}\n\n${JSON.stringify(b)}\n`,
  }

  for (const [form, text] of Object.entries(forms)) {
    const { file } = thingFile(await temporaryFile(t, 'things.json', text))
    t.after(() => file.stop())
    await file.start()
    assert.deepEqual([...(await file.find())], Object.entries({ a, b }), form)
  }
})

test('a single line is one thing, and a line may have a shadow', async (t) => {
  const line = '{"thingName": "a", "shadow": {"state": {}, "version": 12345678901234567890}}'
  const { file } = thingFile(await temporaryFile(t, 'shadows.jsonl', line))
  t.after(() => file.stop())

  await file.start()

  assert.deepEqual([...(await file.find())], [['a', { state: {}, version: 12345678901234567890n }]])
})

test('a file with an error is refused with its place', async (t) => {
  const errors = {
    '5': 'expected an object, got a number',
    '[{}]': 'expected an object with thingName in element 1',
    '{"a": 5}': 'expected an object for the thing a, got a number',
    '{"thingName": "a"}\n{': 'expected JSON, or a line of JSON in line 2',
  }

  for (const [text, problem] of Object.entries(errors)) {
    const path = await temporaryFile(t, 'things.json', text)
    const message = `${setting}: ${path}: ${problem}`
    await assert.rejects(readThings(path, setting), { code: 'InvalidConfiguration', message })
  }
})

test('things of a file that is missing cannot be looked up, until it is there', async (t) => {
  const clock = new ManualClock()
  const path = join(await temporaryDirectory(t), 'things.json')
  const { file, problems } = thingFile(path, clock)
  t.after(() => file.stop())

  await file.start()
  await assert.rejects(file.find(), {
    code: 'ThingsUnavailable',
    message: /^analytics\.registry: .*there is no such file/,
  })
  assert.equal(problems.length, 1)
  await writeFile(path, '{"a": {}}')

  await until('the file is read', async () => {
    clock.advance(1_000)
    return file.find().then(
      () => true,
      () => false,
    )
  })
})

test('a changed file is read again, and a broken one changes nothing', async (t) => {
  const clock = new ManualClock()
  const path = await temporaryFile(t, 'things.json', '{"a": {}}')
  const { file, problems } = thingFile(path, clock)
  t.after(() => file.stop())
  await file.start()
  const names = async () => [...(await file.find()).keys()].join()
  const change = async (text: string, what: string, isSeen: () => Promise<boolean> | boolean) => {
    await writeFile(path, text)
    // A change counts once it has lasted for an interval.
    await until(what, () => {
      clock.advance(1_000)
      return isSeen()
    })
  }

  await change('{"a": {}, "b": {}}', 'a thing is added', async () => (await names()) === 'a,b')
  await change('{"a": {}, "b": {', 'the file is refused', () => problems.length > 0)
  assert.match(problems.join(), /^analytics\.registry: .*line 1$/)
  assert.equal(await names(), 'a,b')
  await change('{"c": {}}', 'another thing is there', async () => (await names()) === 'c')
})

/** A cache of two things, over a directory that counts lookups. */
function cached(lookUp: (name: string) => JsonObject | undefined) {
  const clock = new ManualClock()
  const asked: string[] = []
  const things = new CachedThings({
    clock,
    freshMs: 1_000,
    retryMs: 100,
    maxThings: 2,
    concurrency: 2,
    async lookUp(name) {
      asked.push(name)
      return lookUp(name)
    },
  })
  const find = async (...names: string[]) => Object.fromEntries(await things.find(new Set(names)))
  return { find, asked, clock }
}

test('a thing is looked up once while it is fresh, also if it does not exist', async () => {
  const { find, asked, clock } = cached((name) => (name === 'a' ? { version: 1 } : undefined))

  assert.deepEqual(await find('a', 'none'), { a: { version: 1 } })
  assert.deepEqual(await find('a', 'none'), { a: { version: 1 } })
  assert.deepEqual(asked, ['a', 'none'])
  clock.advance(1_000)
  await find('a')
  assert.deepEqual(asked, ['a', 'none', 'a'])
})

test('what was looked up longest ago is forgotten first', async () => {
  const { find, asked } = cached(() => ({}))

  await find('a', 'b')
  await find('c')
  await find('b', 'c')
  await find('a')

  assert.deepEqual(asked, ['a', 'b', 'c', 'a'])
})

test('after a failed lookup the next one waits', async () => {
  let isDown = true
  const { find, asked, clock } = cached(() => {
    if (isDown) throw new Error('no network')
    return { version: 1 }
  })
  await assert.rejects(find('a'), { message: 'no network' })
  isDown = false

  clock.advance(99)
  await assert.rejects(find('b'), { message: 'no network' })
  assert.deepEqual(asked, ['a'])
  clock.advance(1)

  assert.deepEqual(await find('b'), { b: { version: 1 } })
})

test('what is known stays in use while lookups fail', async () => {
  let isDown = false
  const { find, clock } = cached(() => {
    if (isDown) throw new Error('no network')
    return { version: 1 }
  })
  await find('a')

  isDown = true
  clock.advance(5_000)

  assert.deepEqual(await find('a'), { a: { version: 1 } })
  await assert.rejects(find('b'), { message: 'no network' })
})
