/** URLs of brokers, taken apart for MQTT.js. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokerAddress } from '../../../../src/sources/mqtt-client/broker-address.ts'

const ADDRESSES: readonly (readonly [string, object])[] = [
  ['mqtt://host', { protocol: 'mqtt', host: 'host' }],
  ['mqtts://host.example:8884', { protocol: 'mqtts', host: 'host.example', port: 8884 }],
  ['tcp://[::1]:1884', { protocol: 'mqtt', host: '::1', port: 1884 }],
  ['ws://[::1]:8083/mqtt?a=b', { protocol: 'ws', host: '[::1]', port: 8083, path: '/mqtt?a=b' }],
  ['wss://host', { protocol: 'wss', host: 'host', path: '/' }],
  [
    'mqtt://me:p%40ss@host:1',
    { protocol: 'mqtt', host: 'host', port: 1, username: 'me', password: 'p@ss' },
  ],
]

for (const [url, expected] of ADDRESSES) {
  test(`${url} is taken apart without a deprecated function`, () => {
    assert.deepEqual(brokerAddress(url), expected)
  })
}
