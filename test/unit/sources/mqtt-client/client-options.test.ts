import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mqttClientOptions } from '../../../../src/sources/mqtt-client/options.ts'

test('settings that contradict each other are refused with the reason', () => {
  const url = 'mqtt://broker:1883'
  for (const [settings, reason] of [
    [{ url: 'broker:1883' }, /must look like/],
    [{ url: 'mqtt://me:secret@broker' }, /passwordFile/],
    [{ url, cleanSession: false }, /clientId/],
    [{ url, password: 'a', passwordFile: 'b' }, /not both/],
    [{ url, tls: { ca: 'ca.pem' } }, /mqtts/],
    [{ url: 'mqtts://broker', tls: { cert: 'c.pem' } }, /both or neither/],
    [{ url, shareGroup: 'a/b' }, /\/ \+ #/],
  ] as const) {
    const parsed = mqttClientOptions.safeParse(settings)
    assert.match(parsed.error?.message ?? 'accepted', reason, JSON.stringify(settings))
  }
  assert.equal(mqttClientOptions.parse({ url }).protocolVersion, 4)
})
