/** Where signing identities come from, how long they are used, and what happens without them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../../../src/clock.ts'
import { withoutSecret } from '../../../../src/config/schema/secret.ts'
import { IotAnalyticsDestination } from '../../../../src/destinations/iot-analytics/destination.ts'
import { iotAnalyticsOptions } from '../../../../src/destinations/iot-analytics/options.ts'
import { ConnectorError } from '../../../../src/errors.ts'
import { makeBatch } from '../../../support/channels/batch-maker.ts'
import { exception } from '../../../support/destinations/fake-answers.ts'
import {
  FAKE_IDENTITY,
  FakeIotAnalytics,
} from '../../../support/destinations/fake-iot-analytics.ts'

const never = new AbortController().signal
const ACCEPTED = { rejected: [], kept: [] }

/** A profile whose credentials come from a program, as the AWS chain runs it. */
function profileRunning(t: TestContext, program: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'credentials-'))
  const held = { ...process.env }
  t.after(() => {
    process.env = held
    rmSync(directory, { recursive: true })
  })
  const script = join(directory, 'give')
  writeFileSync(script, `#!/bin/sh\n${program.replaceAll('$HERE', directory)}\n`)
  chmodSync(script, 0o755)
  writeFileSync(join(directory, 'config'), `[profile edge]\ncredential_process = ${script}\n`)
  process.env['AWS_CONFIG_FILE'] = join(directory, 'config')
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = join(directory, 'none')
  process.env['AWS_EC2_METADATA_DISABLED'] = 'true'
  return directory
}

function giving(secret: string, seconds?: number): string {
  const expiration =
    seconds === undefined
      ? ''
      : `, "Expiration": "${new Date(Date.now() + seconds * 1000).toISOString()}"`
  return `echo run >> $HERE/runs
echo '{"Version":1,"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"${secret}"${expiration}}'`
}

async function destinationFor(
  t: TestContext,
  api: FakeIotAnalytics,
  timeout = 5_000,
): Promise<IotAnalyticsDestination> {
  const destination = new IotAnalyticsDestination({
    name: 'cloud',
    options: iotAnalyticsOptions.parse({
      endpoint: api.url,
      timeout,
      credentials: { profile: 'edge' },
    }),
    region: 'us-west-2',
    clock: systemClock,
    random: () => 0,
  })
  await destination.open()
  t.after(() => destination.close())
  return destination
}

function runsIn(directory: string): number {
  return readFileSync(join(directory, 'runs'), 'utf8').split('\n').length - 1
}

test('many concurrent calls ask the chain of the AWS SDK once', async (t) => {
  const directory = profileRunning(t, giving(FAKE_IDENTITY.secretAccessKey, 3_600))
  const api = await FakeIotAnalytics.start(t)
  const destination = await destinationFor(t, api)

  for (let round = 0; round < 2; round++) {
    await Promise.all([1, 2, 3].map((n) => destination.send(makeBatch(`c_${n}`, 1), never)))
  }

  assert.equal(api.messageCount, 6)
  assert.equal(runsIn(directory), 1)
})

test('credentials that expire soon are used, and renewed in the background', async (t) => {
  const directory = profileRunning(
    t,
    `if [ -e $HERE/runs ]; then ${giving(FAKE_IDENTITY.secretAccessKey, 3_600)}
else ${giving(FAKE_IDENTITY.secretAccessKey, 60)}; fi`,
  )
  const api = await FakeIotAnalytics.start(t)
  const destination = await destinationFor(t, api)

  do {
    assert.deepEqual(await destination.send(makeBatch('channel', 1), never), ACCEPTED)
  } while (runsIn(directory) < 2)
  for (let round = 0; round < 50; round++) await destination.send(makeBatch('channel', 1), never)

  assert.equal(runsIn(directory), 2)
})

test('credentials that the service calls expired are renewed within the call', async (t) => {
  const directory = profileRunning(t, giving(FAKE_IDENTITY.secretAccessKey, 3_600))
  const api = await FakeIotAnalytics.start(t)
  const destination = await destinationFor(t, api)
  await destination.send(makeBatch('channel', 1), never)
  api.answerNext(exception('ExpiredTokenException'))

  const outcome = await destination.send(makeBatch('channel', 1), never)

  assert.deepEqual(outcome, ACCEPTED)
  assert.equal(runsIn(directory), 2)
})

test('after an answer that the key is wrong, the next call uses the corrected key', async (t) => {
  const directory = profileRunning(
    t,
    `if [ -e $HERE/runs ]; then ${giving(FAKE_IDENTITY.secretAccessKey, 3_600)}
else ${giving('wrong', 3_600)}; fi`,
  )
  const api = await FakeIotAnalytics.start(t)
  const destination = await destinationFor(t, api)

  const denied = destination.send(makeBatch('channel', 1), never)
  await assert.rejects(denied, { code: 'DestinationDenied' })
  const outcome = await destination.send(makeBatch('channel', 1), never)

  assert.deepEqual(outcome, ACCEPTED)
  assert.equal(runsIn(directory), 2)
})

test('without credentials a batch is kept, and it goes out once there are some', async (t) => {
  const directory = profileRunning(t, `. $HERE/answer`)
  writeFileSync(join(directory, 'answer'), 'exit 3\n')
  const api = await FakeIotAnalytics.start(t)
  const destination = await destinationFor(t, api)

  await assert.rejects(destination.send(makeBatch('channel', 1), never), (error: unknown) => {
    assert.ok(error instanceof ConnectorError)
    assert.equal(error.code, 'CredentialsUnavailable')
    assert.equal(error.effect, 'retry')
    assert.match(error.message, /^looking for AWS credentials: .*credentials\.anonymous/)
    return true
  })
  writeFileSync(
    join(directory, 'answer'),
    giving(FAKE_IDENTITY.secretAccessKey).replaceAll('$HERE', directory),
  )

  assert.deepEqual(await destination.send(makeBatch('channel', 1), never), ACCEPTED)
})

test('a chain that hangs does not hold a send longer than the timeout', async (t) => {
  profileRunning(t, 'exec sleep 2')
  const api = await FakeIotAnalytics.start(t)
  const destination = await destinationFor(t, api, 200)
  const begun = performance.now()

  await assert.rejects(destination.send(makeBatch('channel', 1), never), {
    code: 'CredentialsUnavailable',
  })

  assert.ok(performance.now() - begun < 1_500)
})

test('nothing of AWS is loaded before open', () => {
  const program = `
    await import(${JSON.stringify(new URL('../../../../src/destinations/iot-analytics/destination.js', import.meta.url).href)})
    const { createRequire } = await import('node:module')
    const loaded = Object.keys(createRequire(process.cwd() + '/x.js').cache)
    console.log(loaded.filter((path) => /aws-sdk|smithy/.test(path)).length)`

  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program])

  assert.equal(String(stdout).trim(), '0')
})

test('options: contradictory credentials are refused', () => {
  const refused = [
    { accessKeyId: 'AKID' },
    { secretAccessKey: 'secret' },
    { sessionToken: 'token' },
    { profile: 'edge', anonymous: true },
    { accessKeyId: 'AKID', secretAccessKey: 'secret', profile: 'edge' },
    { accesKeyId: 'AKID' },
  ]

  for (const credentials of refused) {
    assert.equal(iotAnalyticsOptions.safeParse({ credentials }).success, false)
  }
  assert.deepEqual(iotAnalyticsOptions.parse({}).credentials, { anonymous: false })
})

test('options: an endpoint is an http or https URL and carries no secrets', () => {
  const refused = [
    'ftp://host',
    'host:80',
    'http://user:pass@host',
    'http://host/?key=1',
    'http://h#x',
  ]

  for (const endpoint of refused) {
    assert.equal(iotAnalyticsOptions.safeParse({ endpoint }).success, false, endpoint)
  }
  assert.ok(iotAnalyticsOptions.safeParse({ endpoint: 'https://host:8443/stage' }).success)
})

test('options: every secret is masked where a configuration is printed', () => {
  for (const key of ['secretAccessKey', 'sessionToken']) {
    assert.doesNotMatch(String(withoutSecret(key, 'hidden')), /hidden/)
  }
})
