/** Pipelines and their activities. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ActivityResources } from '../../../../src/analytics/pipelines/make-activity.ts'
import { makePipeline } from '../../../../src/analytics/pipelines/pipeline.ts'
import { fakeFunctions, fakeThings } from '../../../support/analytics/pipeline-resources.ts'

const roleArn = 'arn:aws:iam::123456789012:role/MyEnrichRole'

/** Runs messages through the activities, which are linked here. */
async function run(
  activities: readonly Record<string, Record<string, unknown>>[],
  messages: readonly unknown[],
  resources: Partial<ActivityResources> = {},
) {
  const all = [
    { channel: { channelName: 'c' } },
    ...activities,
    { datastore: { datastoreName: 'd' } },
  ]
  const pipelineActivities = all.map((activity, i) => {
    const [kind = '', members] = Object.entries(activity)[0] ?? []
    const next = i === all.length - 1 ? {} : { next: `activity ${i + 1}` }
    return { [kind]: { name: `activity ${i}`, ...members, ...next } }
  })
  const pipeline = makePipeline(
    { pipelineName: 'p', pipelineActivities },
    { functions: fakeFunctions({}), ...resources },
  )
  const inputs = messages.map((message) => {
    const payload = Buffer.isBuffer(message) ? message : Buffer.from(textOf(message))
    return { payload, message }
  })
  const { stored, dropped, failed } = await pipeline.run(inputs)
  return {
    stored: stored.map(({ payload }) => payload.toString()),
    parts: stored.map(({ part }) => part),
    from: stored.map(({ input }) => input.message),
    dropped,
    failed: failed.map(({ input, ...rest }) => ({ message: input.message, ...rest })),
  }
}

function textOf(message: unknown): string {
  return typeof message === 'string' ? message : JSON.stringify(message)
}

async function stored(
  activity: Record<string, Record<string, unknown>>,
  message: unknown,
): Promise<unknown> {
  const result = await run([activity], [message])
  assert.equal(result.failed.length, 0)
  return result.stored[0]
}

const device = {
  device: { id: 'device-123', coord: [47.6152543, -122.3354883] },
}

test('addAttributes copies attributes, and the originals stay', async () => {
  const attributes = { 'device.id': 'id', 'device.coord[0]': 'lat', 'device.coord[1]': 'lon' }

  assert.equal(
    await stored({ addAttributes: { attributes } }, device),
    '{"device":{"id":"device-123","coord":[47.6152543,-122.3354883]},"id":"device-123","lat":47.6152543,"lon":-122.3354883}',
  )
})

test('addAttributes copies what the message had when it came', async () => {
  const attributes = { a: 'b', b: 'c', missing: 'd', inner: 'copy' }
  const math = { attribute: 'copy.x', math: 'a + 1' }

  const result = await run(
    [{ addAttributes: { attributes } }, { math }],
    [{ a: 1, b: 2, inner: { x: 0 } }],
  )

  assert.deepEqual(result.stored, ['{"a":1,"b":1,"inner":{"x":0},"c":2,"copy":{"x":2}}'])
})

test('removeAttributes removes what is listed, and drops a message that is left empty', async () => {
  const removeAttributes = { attributes: ['device', 'list[0]', 'list[1]'] }

  const result = await run([{ removeAttributes }], [{ ...device, list: [1, 2, 3] }, device])

  assert.deepEqual(result.stored, ['{"list":[3]}'])
  assert.deepEqual(result.dropped, [{ activity: 'activity 1', reason: 'empty', count: 1 }])
})

test('selectAttributes keeps what is listed, at the root', async () => {
  const message = {
    device: { id: 'device-123', coord: [47.6, -122.3], temp: 50, hum: 40 },
    light: 90,
  }
  const selectAttributes = { attributes: ['device.temp', 'device.hum', 'light'] }
  const elements = { attributes: ['device.coord[0]', 'device.coord[1]', 'missing'] }

  const result = await run([{ selectAttributes: elements }], [message, { light: 1 }])

  assert.equal(await stored({ selectAttributes }, message), '{"temp":50,"hum":40,"light":90}')
  assert.deepEqual(result.stored, ['{"coord[0]":47.6,"coord[1]":-122.3}'])
  assert.deepEqual(result.dropped, [{ activity: 'activity 1', reason: 'empty', count: 1 }])
})

test('filter drops messages for which the condition does not hold', async () => {
  const filter = { filter: 'temp > 40 AND hum < 20' }

  const result = await run(
    [{ filter }],
    ['{ "temp": 41.0, "hum": 1 }', { temp: 1, hum: 1 }, { temp: 41 }],
  )

  assert.deepEqual(result.stored, ['{ "temp": 41.0, "hum": 1 }'], 'the bytes are as they came')
  assert.deepEqual(result.dropped, [{ activity: 'activity 1', reason: 'filtered', count: 2 }])
})

test('math sets the attribute to the result', async () => {
  const math = { attribute: 'tempC', math: '((temp - 32) * 5.0) / 9.0' }

  assert.equal(
    await stored({ math }, '{"humidity": 52, "temp": 68 }'),
    '{"humidity":52,"temp":68,"tempC":20}',
  )
  assert.equal(
    await stored({ math: { attribute: 'tempC', math: '(tempF - 32) / 2' } }, { tempF: 50 }),
    '{"tempF":50,"tempC":9}',
  )
})

test('an attribute whose result is Undefined is not there', async () => {
  const math = { attribute: 'a', math: 'b + 1' }

  assert.equal(await stored({ math }, { a: 1, b: 'x' }), '{"b":"x"}')
  assert.equal(
    await stored({ math: { ...math, attribute: 'l[0]' } }, { l: [1, 2] }),
    '{"l":[null,2]}',
  )
  const result = await run([{ math }], [{ a: 1 }])
  assert.deepEqual(result.dropped, [{ activity: 'activity 1', reason: 'empty', count: 1 }])
})

test('an attribute that cannot be set fails its message alone', async () => {
  const math = { attribute: 'a.b', math: '1' }

  const result = await run([{ math }], [{ a: 'text' }, { a: {} }])

  assert.deepEqual(result.stored, ['{"a":{"b":1}}'])
  assert.deepEqual(
    result.failed.map(({ message, activity }) => ({ message, activity })),
    [{ message: { a: 'text' }, activity: 'activity 1' }],
  )
  assert.match(result.failed[0]?.reason ?? '', /a\.b cannot be set/)
})

test('payloads that are no JSON objects are dropped by the first activity', async () => {
  const odd = ['', '{', '[1]', '5', 'null', '"text"', Buffer.from([0x7b, 0xff, 0x7d])]

  const filtered = await run([{ filter: { filter: 'TRUE' } }], [...odd, '{}'])
  const direct = await run([], [...odd, '{ }'])

  assert.deepEqual(filtered.stored, ['{}'])
  assert.deepEqual(filtered.dropped, [{ activity: 'activity 1', reason: 'invalidJson', count: 7 }])
  assert.deepEqual(direct.stored, ['{ }'])
  assert.deepEqual(direct.dropped, [{ activity: 'activity 1', reason: 'invalidJson', count: 7 }])
})

test('integers keep all their digits, and names their order', async () => {
  const math = { attribute: 'next', math: 'small + 1' }
  const payload =
    '{"id": 12345678901234567890, "text": "1234567890123456789 \\" {", "list": [ -9223372036854775808, [], {} ], "small": 1, "__proto__": 9007199254740993, "float": 0.12345678901234567}'

  assert.equal(
    await stored({ math }, payload),
    '{"id":12345678901234567890,"text":"1234567890123456789 \\" {","list":[-9223372036854775808,[],{}],"small":1,"__proto__":9007199254740993,"float":0.12345678901234566,"next":2}',
  )
})

test('a message that is nested too deeply for this version of Node stops no other', async () => {
  const deep = `{"a":${'['.repeat(60_000)}${']'.repeat(60_000)}}`
  const math = { attribute: 'b', math: '1' }

  const result = await run([{ math }], [deep, '{}'])

  assert.equal(result.stored.at(-1), '{"b":1}')
  assert.equal(result.stored.length + result.failed.length, 2)
})

test('a function gets batches and goes on with what it returns', async () => {
  const events: unknown[] = []
  const functions = fakeFunctions({
    double(event) {
      events.push(event)
      return event.map((message) => ({ twice: message }))
    },
  })
  const lambda = { lambdaName: 'double', batchSize: 2 }

  const result = await run([{ lambda }], [{ n: 1 }, { n: 2 }, { n: 3 }], { functions })

  assert.deepEqual(events, [[{ n: 1 }, { n: 2 }], [{ n: 3 }]])
  assert.deepEqual(result.stored, ['{"twice":{"n":1}}', '{"twice":{"n":2}}', '{"twice":{"n":3}}'])
})

test('a function that comes first gets text, and base64 of bytes that are no text', async () => {
  const events: unknown[] = []
  const functions = fakeFunctions({
    decode(event) {
      events.push(...event)
      return event.map((_, i) => ({ i }))
    },
  })
  const lambda = { lambdaName: 'decode', batchSize: 10 }
  const bytes = Buffer.from([0x1f, 0x8b, 0x08])

  const result = await run([{ lambda }], [bytes, 'eyJhIjoxfQ==', '[1]', '5'], { functions })

  assert.deepEqual(events, [bytes.toString('base64'), 'eyJhIjoxfQ==', [1], 5])
  assert.equal(result.stored.length, 4)
})

test('a function may return more or fewer messages than it got', async () => {
  const functions = fakeFunctions({
    more: (event) => [...event, { extra: 1 }, { extra: 2 }],
    fewer: (event) => event.slice(0, 1),
  })
  const messages = [{ n: 1 }, { n: 2 }]

  const more = await run([{ lambda: { lambdaName: 'more', batchSize: 9 } }], messages, {
    functions,
  })
  const fewer = await run([{ lambda: { lambdaName: 'fewer', batchSize: 9 } }], messages, {
    functions,
  })

  assert.deepEqual(more.stored, ['{"n":1}', '{"n":2}', '{"extra":1}', '{"extra":2}'])
  assert.deepEqual(more.from, [{ n: 1 }, { n: 2 }, { n: 2 }, { n: 2 }])
  assert.deepEqual(more.parts, [0, 0, 1, 2])
  assert.deepEqual(fewer.from, [{ n: 1 }])
  assert.deepEqual(fewer.dropped, [{ activity: 'activity 1', reason: 'removed', count: 1 }])
})

test('a function that fails keeps the messages of its batch, and only those', async () => {
  const functions = fakeFunctions({
    picky(event) {
      if (JSON.stringify(event).includes('bad')) throw new Error('do not like it')
      return event
    },
    scalar: () => 5,
    mixed: () => [{}, 'text'],
  })
  const of = (lambdaName: string) => [{ lambda: { lambdaName, batchSize: 2 } }]
  const messages = [{ n: 1 }, { n: 'bad' }, { n: 3 }]

  const picky = await run(of('picky'), messages, { functions })
  const failures = await Promise.all(
    ['scalar', 'mixed', 'missing'].map((name) => run(of(name), [{}], { functions })),
  )

  assert.deepEqual(picky.stored, ['{"n":3}'])
  assert.deepEqual(
    picky.failed.map(({ message }) => message),
    [{ n: 1 }, { n: 'bad' }],
  )
  assert.equal(picky.failed[0]?.reason, 'the function picky failed: do not like it')
  assert.deepEqual(
    failures.map(({ failed }) => failed[0]?.reason),
    [
      'the function scalar failed: expected an array of JSON objects, got a number',
      'the function mixed failed: expected JSON objects, got text at index 1',
      'the function missing failed: there is no function missing',
    ],
  )
})

const named = { temp: 50, hum: 40, device: { thingName: 'my-thing' } }

test('deviceRegistryEnrich adds what the registry knows of the thing', async () => {
  const known = { defaultClientId: 'my-thing', version: 1, thingName: 'my-thing', attributes: {} }
  const registry = fakeThings({ 'my-thing': known })
  const deviceRegistryEnrich = { attribute: 'metadata', thingName: 'device.thingName', roleArn }

  const result = await run([{ deviceRegistryEnrich }], [named, named], { registry })

  const expected = JSON.stringify({ ...named, metadata: known })
  assert.deepEqual(result.stored, [expected, expected])
})

test('deviceShadowEnrich adds the shadow of the thing', async () => {
  const shadow = { state: { reported: { on: true } }, version: 3 }
  const shadows = fakeThings({ 'my-thing': shadow })
  const deviceShadowEnrich = { attribute: 'shadow', thingName: 'device.thingName', roleArn }

  const result = await run([{ deviceShadowEnrich }], [named], { shadows })

  assert.deepEqual(result.stored, [JSON.stringify({ ...named, shadow })])
})

test('messages fail that name no thing or an unknown one, and wait while things can’t be looked up', async () => {
  const deviceRegistryEnrich = { attribute: 'm', thingName: 'thing', roleArn }
  const messages = [{}, { thing: 5 }, { thing: 'nobody' }, { thing: 'a' }]
  const broken = { find: () => Promise.reject(new Error('no network')) }

  const some = await run([{ deviceRegistryEnrich }], messages, {
    registry: fakeThings({ a: { x: 1 } }),
  })
  const none = await run([{ deviceRegistryEnrich }], [{ thing: 'a' }])
  const waiting = run([{ deviceRegistryEnrich }], [{ thing: 'a' }], { registry: broken })

  assert.deepEqual(some.stored, ['{"thing":"a","m":{"x":1}}'])
  assert.deepEqual(
    [...some.failed, ...none.failed].map(({ reason }) => reason),
    [
      'expected text in thing, got missing',
      'expected text in thing, got a number',
      'the thing "nobody" is not in the device registry',
      'no device registry is configured: set analytics.pipelines.registry',
    ],
  )
  await assert.rejects(waiting, {
    code: 'ThingsUnavailable',
    message: 'looking things up in the device registry: no network',
  })
})

test('activities before and after a batch activity see the messages in order', async () => {
  const functions = fakeFunctions({ same: (event) => event })
  const result = await run(
    [
      { filter: { filter: 'n <> 2' } },
      { math: { attribute: 'm', math: 'n * 10' } },
      { lambda: { lambdaName: 'same', batchSize: 2 } },
      { filter: { filter: 'm <> 30' } },
      { selectAttributes: { attributes: ['m'] } },
    ],
    [1, 2, 3, 4].map((n) => ({ n })),
    { functions },
  )

  assert.deepEqual(result.stored, ['{"m":10}', '{"m":40}'])
  assert.deepEqual(result.dropped, [
    { activity: 'activity 1', reason: 'filtered', count: 1 },
    { activity: 'activity 4', reason: 'filtered', count: 1 },
  ])
})
