/**
 * The wire format is AWS's: AWS's own clients pass the checks of the fake service, and our requests
 * are the same as theirs, including the signature.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { BatchPutMessageCommand, IoTAnalyticsClient } from '@aws-sdk/client-iotanalytics'
import { SignatureV4 } from '@smithy/signature-v4'
import fc from 'fast-check'
import { systemClock } from '../../../../src/clock.ts'
import { sha256Hex } from '../../../../src/destinations/aws/signature.ts'
import { IotAnalyticsDestination } from '../../../../src/destinations/iot-analytics/destination.ts'
import { endpointAt } from '../../../../src/destinations/iot-analytics/endpoint.ts'
import { iotAnalyticsOptions } from '../../../../src/destinations/iot-analytics/options.ts'
import { RequestSigner } from '../../../../src/destinations/iot-analytics/signing.ts'
import { batchOf, makeMessage } from '../../../support/channels/batch-maker.ts'
import { exception, refusing } from '../../../support/destinations/fake-answers.ts'
import {
  FAKE_IDENTITY,
  FakeIotAnalytics,
} from '../../../support/destinations/fake-iot-analytics.ts'
import { NodeSha256 } from '../../../support/destinations/node-sha256.ts'
import { commandOf, skipWithout } from '../../../support/processes/real-peers.ts'

const run = promisify(execFile)
const REGION = 'us-west-2'
const PAYLOADS = [
  Buffer.from('{"temperature":23.33}'),
  Buffer.from([0, 1, 254, 255]),
  Buffer.from(''),
]
const EXPECTED = PAYLOADS.map((payload, index) => ({ messageId: `m "${index}" \\`, payload }))

const environment = {
  PATH: '/usr/bin:/bin',
  AWS_ACCESS_KEY_ID: FAKE_IDENTITY.accessKeyId,
  AWS_SECRET_ACCESS_KEY: FAKE_IDENTITY.secretAccessKey,
  AWS_DEFAULT_REGION: REGION,
  AWS_EC2_METADATA_DISABLED: 'true',
}

const entries = JSON.stringify(
  EXPECTED.map(({ messageId, payload }) => ({ messageId, payload: payload.toString('base64') })),
)

function sdkClient(endpoint: string): IoTAnalyticsClient {
  // A copy, because the client modifies its argument.
  return new IoTAnalyticsClient({ endpoint, region: REGION, credentials: { ...FAKE_IDENTITY } })
}

describe('AWS clients against the fake', () => {
  test('awscli', { skip: skipWithout('aws') }, async (t) => {
    const api = await FakeIotAnalytics.start(t)

    const { stdout } = await run(
      commandOf('aws'),
      ['iotanalytics', 'batch-put-message', '--endpoint-url', api.url, '--output', 'json'].concat([
        '--channel-name',
        'cli',
        '--messages',
        entries,
      ]),
      { env: environment },
    )

    assert.deepEqual(api.violations, [])
    assert.deepEqual(api.received('cli'), EXPECTED)
    assert.deepEqual(JSON.parse(stdout), { batchPutMessageErrorEntries: [] })
  })

  test('boto3, and it reads the error entries', { skip: skipWithout('boto3') }, async (t) => {
    const api = await FakeIotAnalytics.start(t)
    api.answerNext(refusing(() => undefined))
    api.answerNext(
      refusing(({ messageId }) => ({ messageId, errorCode: '400', errorMessage: 'no' })),
    )
    const script = `
import base64, boto3, json, sys
client = boto3.client('iotanalytics', endpoint_url=sys.argv[1])
messages = [{**m, 'payload': base64.b64decode(m['payload'])} for m in json.loads(sys.argv[2])]
client.batch_put_message(channelName='boto', messages=messages)
answer = client.batch_put_message(channelName='boto', messages=messages[:1])
print(json.dumps(answer['batchPutMessageErrorEntries']))`

    const { stdout } = await run(commandOf('boto3'), ['-c', script, api.url, entries], {
      env: environment,
    })

    assert.deepEqual(api.violations, [])
    assert.deepEqual(api.received('boto'), EXPECTED)
    assert.deepEqual(JSON.parse(stdout), [
      { messageId: EXPECTED[0]?.messageId, errorCode: '400', errorMessage: 'no' },
    ])
  })

  test('the SDK for JavaScript, and it reads the exceptions', async (t) => {
    const api = await FakeIotAnalytics.start(t)
    const client = sdkClient(api.url)
    t.after(() => client.destroy())

    await client.send(new BatchPutMessageCommand({ channelName: 'js', messages: EXPECTED }))
    for (const named of ['header', '__type', 'code'] as const) {
      api.answerNext(exception('ResourceNotFoundException', { named, message: 'no such channel' }))
      await assert.rejects(
        client.send(new BatchPutMessageCommand({ channelName: 'js', messages: EXPECTED })),
        { name: 'ResourceNotFoundException', message: 'no such channel' },
      )
    }

    assert.deepEqual(api.violations, [])
    assert.deepEqual(api.received('js'), EXPECTED)
  })

  test('a wrong signature is detected', async (t) => {
    const api = await FakeIotAnalytics.start(t)
    api.trust({ ...FAKE_IDENTITY, secretAccessKey: 'another' })
    const client = sdkClient(api.url)
    t.after(() => client.destroy())

    const sent = client.send(new BatchPutMessageCommand({ channelName: 'js', messages: EXPECTED }))

    await assert.rejects(sent, { name: 'InvalidSignatureException' })
    assert.equal(api.messageCount, 0)
  })
})

test('we send what the SDK sends: same target, same body, same headers but the agent’s', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const client = sdkClient(api.url)
  t.after(() => client.destroy())
  const destination = new IotAnalyticsDestination({
    name: 'cloud',
    options: iotAnalyticsOptions.parse({ endpoint: api.url, credentials: FAKE_IDENTITY }),
    region: REGION,
    clock: systemClock,
  })
  await destination.open()
  t.after(() => destination.close())

  const messages = EXPECTED.map((given, offset) => makeMessage(offset, given))
  await destination.send(batchOf('same', messages), new AbortController().signal)
  await client.send(new BatchPutMessageCommand({ channelName: 'same', messages: EXPECTED }))

  const [ours, theirs] = api.requests
  assert.ok(ours !== undefined && theirs !== undefined)
  assert.equal(String(ours.body), String(theirs.body))
  assert.deepEqual([ours.method, ours.path], [theirs.method, theirs.path])
  const agent = new Set(['user-agent', 'x-amz-user-agent'])
  const names = (headers: object) =>
    Object.keys(headers)
      .filter((name) => !agent.has(name))
      .sort()
  assert.deepEqual(names(ours.headers), names(theirs.headers))
  for (const name of ['host', 'content-type', 'content-length', 'x-amz-content-sha256']) {
    assert.equal(ours.headers[name], theirs.headers[name])
  }
  assert.equal(ours.headers['amz-sdk-request'], theirs.headers['amz-sdk-request'])
})

test('the signer signs as @smithy/signature-v4 does, whatever keys, path, time and token', async () => {
  const secrets = fc.string({ minLength: 1, maxLength: 60 })
  const tokens = fc.option(fc.stringMatching(/^[A-Za-z0-9+/=]{1,200}$/), { nil: undefined })
  const paths = fc.webPath()
  const times = fc.date({ min: new Date(0), max: new Date('2199-12-31'), noInvalidDate: true })

  await fc.assert(
    fc.asyncProperty(secrets, tokens, paths, times, async (secretAccessKey, token, path, time) => {
      const identity = {
        accessKeyId: 'AKIDEXAMPLE',
        secretAccessKey,
        ...(token === undefined ? {} : { sessionToken: token }),
      }
      const endpoint = endpointAt(`https://iot.example:8443${path}`)
      const attempt = {
        contentSha256: sha256Hex(`body of ${path}`),
        invocationId: 'f0e1',
        progress: 'attempt=1; max=3',
      }

      const signer = new RequestSigner(REGION, endpoint)
      const ours = pairs(signer.sign(attempt, identity, time.getTime()))

      const { authorization: _, ...unsigned } = ours
      const theirs = await new SignatureV4({
        service: 'iotanalytics',
        region: REGION,
        credentials: identity,
        sha256: NodeSha256,
      }).sign(
        {
          method: 'POST',
          protocol: 'https:',
          hostname: 'iot.example',
          path: endpoint.path,
          headers: unsigned,
          body: `body of ${path}`,
        },
        { signingDate: time },
      )
      assert.deepEqual(ours, theirs.headers)
    }),
    { numRuns: 300 },
  )
})

test('a signer follows the day and the credentials', () => {
  const attempt = {
    contentSha256: sha256Hex(''),
    invocationId: 'f0e1',
    progress: 'attempt=1; max=3',
  }
  const endpoint = endpointAt('https://iot.example')
  const day = 86_400_000
  const others = [
    [FAKE_IDENTITY, day],
    [{ ...FAKE_IDENTITY, secretAccessKey: 'another' }, day],
    [FAKE_IDENTITY, 0],
  ] as const
  const signer = new RequestSigner(REGION, endpoint)
  signer.sign(attempt, FAKE_IDENTITY, 0)

  for (const [identity, atMs] of others) {
    const fresh = new RequestSigner(REGION, endpoint)
    assert.deepEqual(signer.sign(attempt, identity, atMs), fresh.sign(attempt, identity, atMs))
  }
})

function pairs(headers: readonly string[]): Record<string, string> {
  const named: Record<string, string> = {}
  for (let i = 0; i + 1 < headers.length; i += 2) named[headers[i]!] = headers[i + 1]!
  return named
}
