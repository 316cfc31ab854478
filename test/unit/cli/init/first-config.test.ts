import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Answers,
  DEFAULT_ANSWERS,
  firstConfig,
} from '../../../../src/cli/commands/init/first-config.ts'
import { loadConfig } from '../../../../src/config/load.ts'
import { temporaryFile } from '../../../support/disk/temporary-file.ts'

const ANSWERS: Readonly<Record<string, Partial<Answers>>> = {
  'the defaults': {},
  'devices on the network': { source: { kind: 'network', passwordFile: 'a dir/users: 1' } },
  'a broker': { source: { kind: 'broker', url: 'mqtts://broker.example:8883' } },
  'other topics': { input: '+/line 1: a/temp' },
  'another connector': {
    destination: { kind: 'iotAnalytics', endpoint: 'http://headquarters:8090' },
  },
  'an HTTP service': { destination: { kind: 'http', url: 'https://ingest.example/v1' } },
  'a bucket': { destination: { kind: 's3', bucket: 'plant-3', region: 'eu-west-1' } },
  'tables and another store': { directory: '/var/lib/it: is #1', maxBytes: '10GB', tables: '30d' },
}

for (const [title, answers] of Object.entries(ANSWERS)) {
  test(`the file for ${title} is a configuration that says the same`, async (t) => {
    const all = { ...DEFAULT_ANSWERS, ...answers }
    const text = firstConfig(all)
    const file = await temporaryFile(t, 'connector.yaml', text)

    const { config } = await loadConfig({ file, environment: {} })

    const { sources, storage, destinations, inputs } = config
    assert.equal(storage.directory, all.directory)
    assert.deepEqual(inputs, all.input === '' ? [] : [all.input])
    assert.equal(destinations.length, all.destination.kind === 'none' ? 0 : 1)
    if (all.source.kind === 'broker') assert.equal(sources.mqttClient?.url, all.source.url)
    if (all.source.kind === 'network') {
      assert.equal(sources.mqttServer?.passwordFile, all.source.passwordFile)
    }
    assert.ok(text.split('\n').every((line) => line.length <= 100))
  })
}

test('the channel of other topics is named after their first level with a name', async (t) => {
  for (const [input, channel] of [
    ['factory/#', 'factory'],
    ['+/line 1/#', 'line_1'],
    ['#', 'messages'],
    ['__x/#', 'x'],
  ]) {
    const text = firstConfig({ ...DEFAULT_ANSWERS, input: input ?? '' })
    const file = await temporaryFile(t, 'connector.yaml', text)

    const { config } = await loadConfig({ file, environment: {} })

    assert.equal(config.parameters.defaultChannelName, channel)
  }
})
