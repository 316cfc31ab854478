import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { MASK } from '../../../src/addresses.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { shownSettings } from '../../../src/config/shown-settings.ts'
import { settings } from '../../../src/http/api/shapes/settings.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

test('every setting says where it was set: line of a file, environment, flag, or default', async (t) => {
  const file = join(await temporaryDirectory(t), 'connector.yaml')
  await writeFile(
    file,
    [
      'http:',
      '  port: 8091',
      '  token: a-secret-of-many-characters',
      'storage:',
      '  maxBytes: 4GB',
      'inputs: [plant/#, press/+/temp]',
      'parameters:',
      '  IotAnalyticsDefaultChannelName: rest',
      'destinations:',
      '  - http: { url: "https://example.com/in", format: ndjson, headers: { x.site: plant-3 } }',
      '',
    ].join('\n'),
  )
  const environment = { IOT_ANALYTICS_CONNECTOR__LOG__LEVEL: 'warn' }
  const loaded = await loadConfig({ file, environment, overrides: ['storage.durability=memory'] })

  const shown = settings.parse(JSON.parse(JSON.stringify(shownSettings(loaded))))
  const of = (path: string) => shown.settings.find((setting) => setting.path === path)

  assert.deepEqual(shown.files, [file])
  assert.deepEqual([of('http.port')?.value, of('http.port')?.from], [8091, `${file}:2`])
  assert.equal(of('http.token')?.value, MASK)
  assert.match(String(of('log.level')?.from), /IOT_ANALYTICS_CONNECTOR__LOG__LEVEL/)
  assert.match(String(of('storage.durability')?.from), /--set/)
  assert.deepEqual([of('http.host')?.from, of('http.host')?.isDefault], ['default', true])
  assert.deepEqual(of('inputs')?.value, ['plant/#', 'press/+/temp'])
  assert.equal(of('destinations[0].http.url')?.value, 'https://example.com/in')
  assert.match(String(of('http.port')?.description), /\w/)
  assert.deepEqual(of('destinations[0].http.url')?.keys, ['destinations', 0, 'http', 'url'])
  assert.deepEqual(shown.settings.find(({ value }) => value === 'plant-3')?.keys, [
    'destinations',
    0,
    'http',
    'headers',
    'x.site',
  ])
})
