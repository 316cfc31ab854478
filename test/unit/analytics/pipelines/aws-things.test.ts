/** Lookups of things at AWS IoT: what answers mean. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pipelinesOptions } from '../../../../src/analytics/pipelines/options.ts'
import { AwsThings, type ThingKind } from '../../../../src/analytics/pipelines/things/aws-things.ts'
import { HttpCollector } from '../../../support/destinations/http-collector.ts'
import { SkippingClock } from '../../../support/skipping-clock.ts'

const credentials = { accessKeyId: 'AKIDTHINGS', secretAccessKey: 'secret' }
const NO_THING = {
  status: 404,
  headers: { 'x-amzn-errortype': 'ResourceNotFoundException' },
  body: '{"message":"Thing press-1 cannot be found."}',
}

async function thingsAt(t: TestContext, kind: ThingKind = 'registry') {
  const server = await HttpCollector.start(t)
  const aws = { region: 'eu-central-1', endpoint: server.origin, credentials }
  const settings = pipelinesOptions.parse({ registry: { aws } }).registry?.aws
  const clock = new SkippingClock()
  const things = new AwsThings({
    settings: settings ?? assert.fail('no settings'),
    kind,
    place: 'analytics.pipelines.registry.aws',
    clock,
    random: () => 0,
  })
  t.after(() => things.close())
  const find = async (...names: string[]) => Object.fromEntries(await things.find(new Set(names)))
  return { server, find, clock }
}

test('the registry and the shadows are asked with signed requests', async (t) => {
  for (const [kind, path, service] of [
    ['registry', '/things/press%3A1', 'iot'],
    ['shadows', '/things/press%3A1/shadow', 'iotdata'],
  ] as const) {
    const { server, find } = await thingsAt(t, kind)
    server.always({ status: 200, body: '{"thingName":"press:1","version":12345678901234567890}' })

    const found = await find('press:1', '../things', '', 'x'.repeat(129))

    assert.deepEqual(found, {
      'press:1': { thingName: 'press:1', version: 12345678901234567890n },
    })
    assert.deepEqual(
      server.requests.map((one) => `${one.method} ${one.path}`),
      [`GET ${path}`],
    )
    const signature = String(server.requests[0]?.headers['authorization'])
    assert.match(signature, new RegExp(`AKIDTHINGS/\\d{8}/eu-central-1/${service}/aws4_request`))
  }
})

test('a thing that AWS does not know is none, and is remembered as such', async (t) => {
  const { server, find } = await thingsAt(t)
  server.always(NO_THING)

  assert.deepEqual(await find('press-1'), {})
  assert.deepEqual(await find('press-1'), {})
  assert.equal(server.requests.length, 1)
})

for (const [what, answer, reason] of [
  ['a page that is not found', { status: 404, body: '<html>nothing here</html>' }, /nothing here/],
  [
    'a permission that is missing',
    {
      status: 403,
      headers: { 'x-amzn-errortype': 'AccessDeniedException' },
      body: '{"message":"not authorized to perform iot:DescribeThing"}',
    },
    /not authorized/,
  ],
  ['an answer that is no object', { status: 200, body: '[]' }, /status 200/],
  ['a fault of the service', { status: 500, body: '{}' }, /status 500/],
  ['a connection that ends', 'closed', /./],
] as const) {
  test(`${what} says nothing about a thing: messages wait`, async (t) => {
    const { server, find } = await thingsAt(t)
    server.always(answer)

    await assert.rejects(find('press-1'), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ThingsUnavailable')
      assert.match(
        error.message,
        /^analytics\.pipelines\.registry\.aws: DescribeThing of press-1 at/,
      )
      assert.match(error.message, reason)
      return true
    })
  })
}

test('while AWS cannot be reached, what was known stays in use', async (t) => {
  const { server, find, clock } = await thingsAt(t)
  server.always({ status: 200, body: '{"version":1}' })
  await find('press-1')

  server.always('closed')
  await clock.skip(3_600)

  assert.deepEqual(await find('press-1'), { 'press-1': { version: 1 } })
})
