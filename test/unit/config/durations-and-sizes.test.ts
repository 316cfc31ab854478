/** Durations and sizes in the configuration: with a unit, without one, and under the keys' old names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeConfig } from '../../../src/config/describe.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { parseConfig } from '../../../src/config/parse-config.ts'
import type { ConfigInput } from '../../../src/config/schema/schema.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { optionOf } from '../../support/destinations/option-of.ts'

const MQTT_CLIENT = { url: 'mqtt://127.0.0.1:1883' }

function messageOf(action: () => unknown): string {
  try {
    action()
  } catch (thrown) {
    assert(thrown instanceof ConnectorError && thrown.code === 'InvalidConfiguration')
    return thrown.message
  }
  return assert.fail('expected the configuration to be refused')
}

test('every duration and every size takes a value with its unit', () => {
  const { sources, storage, destinations, deadLetters } = parseConfig(
    {
      sources: {
        mqttServer: {
          limits: {
            connectTimeout: '3s',
            maxKeepAlive: '10m',
            maxHeldBytes: '128KiB',
            maxQueuedBytes: '1MB',
            maxOutgoingBytes: '1MiB',
          },
        },
        mqttClient: { ...MQTT_CLIENT, keepAlive: '1m', sessionExpiry: '1d' },
      },
      storage: {
        maxBytes: '2GiB',
        segmentBytes: '1MiB',
        segmentMaxAge: '12h',
        historyBytes: '0B',
        minCommitInterval: '20ms',
      },
      deadLetters: { maxBytes: '64KiB' },
      destinations: [
        {
          iotAnalytics: {
            endpoint: 'http://127.0.0.1:1',
            timeout: '2.5s',
            maxBatchBytes: '1MiB',
          },
          catchUp: { maxBytesPerSecond: '100kB' },
        },
      ],
    },
    {},
  )

  assert.equal(sources.mqttServer?.limits.connectTimeout, 3_000)
  assert.equal(sources.mqttServer?.limits.maxKeepAlive, 600_000)
  assert.equal(sources.mqttServer?.limits.maxHeldBytes, 131_072)
  assert.equal(sources.mqttServer?.limits.maxQueuedBytes, 1_000_000)
  assert.equal(sources.mqttServer?.limits.maxOutgoingBytes, 1_048_576)
  assert.equal(sources.mqttClient?.keepAlive, 60_000)
  assert.equal(sources.mqttClient?.sessionExpiry, 86_400_000)
  assert.equal(storage.maxBytes, 2_147_483_648)
  assert.equal(storage.segmentBytes, 1_048_576)
  assert.equal(storage.segmentMaxAge, 43_200_000)
  assert.equal(storage.historyBytes, 0)
  assert.equal(storage.minCommitInterval, 20)
  assert.equal(deadLetters?.maxBytes, 65_536)
  assert.equal(destinations[0]?.options.timeout, 2_500)
  assert.equal(optionOf(destinations[0], 'maxBatchBytes'), 1_048_576)
  assert.equal(destinations[0]?.delivery.catchUp.maxBytesPerSecond, 100_000)
})

test('a number without a unit means what it always meant', () => {
  const { sources, storage } = parseConfig(
    {
      sources: {
        mqttServer: { limits: { connectTimeout: 3_000, maxKeepAlive: 60 } },
        mqttClient: { ...MQTT_CLIENT, keepAlive: 15, sessionExpiry: 3_600 },
      },
      storage: { maxBytes: 5_000_000, segmentMaxAge: 86_400_000, minCommitInterval: 0.5 },
    },
    {},
  )

  assert.equal(sources.mqttServer?.limits.connectTimeout, 3_000)
  assert.equal(sources.mqttServer?.limits.maxKeepAlive, 60_000)
  assert.equal(sources.mqttClient?.keepAlive, 15_000)
  assert.equal(sources.mqttClient?.sessionExpiry, 3_600_000)
  assert.equal(storage.maxBytes, 5_000_000)
  assert.equal(storage.segmentMaxAge, 86_400_000)
  assert.equal(storage.minCommitInterval, 0.5)
})

test('a key’s old name is taken from a file, the environment and --set', async () => {
  const loaded = await loadConfig({
    environment: {
      IOT_ANALYTICS_CONNECTOR__SOURCES__MQTT_SERVER__LIMITS__CONNECT_TIMEOUT_MS: '3000',
      IOT_ANALYTICS_CONNECTOR__SOURCES__MQTT_CLIENT__URL: 'mqtt://127.0.0.1:1883',
    },
    overrides: [
      'sources.mqttServer.limits.maxKeepAliveS=60',
      'sources.mqttClient.keepAliveSeconds=15',
      'sources.mqttClient.sessionExpirySeconds=2h',
    ],
  })

  const { mqttServer, mqttClient } = loaded.config.sources
  assert.equal(mqttServer?.limits.connectTimeout, 3_000)
  assert.equal(mqttServer?.limits.maxKeepAlive, 60_000)
  assert.equal(mqttClient?.keepAlive, 15_000)
  assert.equal(mqttClient?.sessionExpiry, 7_200_000)
  assert.match(describeConfig(loaded), /maxKeepAlive: 1m # --set, as maxKeepAliveS\n/)
})

test('a key under its old name and its new one is an error that names both', () => {
  const limits = { connectTimeout: '3s', connectTimeoutMs: 3_000 }

  assert.match(
    messageOf(() => parseConfig({ sources: { mqttServer: { limits } } }, {})),
    /sources\.mqttServer\.limits\.connectTimeout .*: connectTimeoutMs .* is the old name of this key; remove one of the two$/,
  )
})

test('an old name without a value sets nothing', () => {
  const limits = { connectTimeout: '3s', connectTimeoutMs: null }

  const { sources } = parseConfig({ sources: { mqttServer: { limits } } } as ConfigInput, {})

  assert.equal(sources.mqttServer?.limits.connectTimeout, 3_000)
})

for (const [section, key, value, expected] of [
  ['storage', 'maxBytes', '1MiB', 'a size such as 1GiB, at least 4MiB, got "1MiB"'],
  ['storage', 'maxBytes', '64 apples', 'a size such as 1GiB, at least 4MiB, got "64 apples"'],
  ['storage', 'maxBytes', 5_000_000.5, 'a size such as 1GiB, at least 4MiB, got 5000000.5'],
  ['storage', 'maxBytes', '9007199254740993B', 'a size such as 1GiB, at least 4MiB, got'],
  ['storage', 'maxBytes', [], 'a size such as 1GiB, at least 4MiB, got a list'],
  ['storage', 'segmentMaxAge', 'soon', 'a duration such as 1d, at least 1s, got "soon"'],
  ['storage', 'segmentMaxAge', '999ms', 'a duration such as 1d, at least 1s, got "999ms"'],
  ['storage', 'minCommitInterval', '11s', 'a duration such as 20ms, from 0s to 10s, got "11s"'],
] as const) {
  test(`${key}: ${JSON.stringify(value)} is refused with what was expected`, () => {
    const message = messageOf(() => parseConfig({ [section]: { [key]: value } } as ConfigInput, {}))

    assert(message.includes(`${section}.${key} (configuration): expected ${expected}`), message)
  })
}

test('a protocol that counts in seconds takes whole seconds only', () => {
  const mqttClient = { ...MQTT_CLIENT, keepAlive: '5500ms' }

  assert.match(
    messageOf(() => parseConfig({ sources: { mqttClient } }, {})),
    /keepAlive .*: expected a duration such as 30s in whole seconds, from 5s to 65535s, got "5500ms"/,
  )
})
