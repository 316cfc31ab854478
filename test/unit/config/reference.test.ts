/** What is written about the configuration is what the code does: reference, schema and examples. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { createProgram } from '../../../src/cli/program.ts'
import { commandsPage } from '../../../src/cli/reference.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { configurationPage, schemaDocument } from '../../../src/config/reference.ts'

const root = join(import.meta.dirname, '..', '..', '..', '..')
const examples = join(root, 'examples')
const STALE = 'stale: run `npm run docs`'

const page = (name: string) => readFileSync(join(root, 'docs', name), 'utf8')

test('docs/configuration.md and docs/config.schema.json are what the schema says', () => {
  assert.equal(page('configuration.md'), configurationPage(), STALE)
  assert.equal(page('config.schema.json'), schemaDocument(), STALE)
})

test('docs/commands.md is what the commands’ help says', () => {
  const loadConnector = () => Promise.reject(new Error('only help is asked for'))
  const outputClosed = new AbortController().signal
  const program = createProgram({ process, loadConnector, outputClosed })

  assert.equal(page('commands.md'), commandsPage(program), STALE)
})

test('every documented parameter and every section is in the reference', () => {
  const text = page('configuration.md')
  const names = [
    'MemorySize',
    'PublishRegion',
    'PublishInterval',
    'IotAnalyticsMaxActiveChannels',
    'IotAnalyticsQueueDropBehavior',
    'IotAnalyticsQueueSizePerChannel',
    'IotAnalyticsBatchSizePerChannel',
    'IotAnalyticsDefaultChannelName',
  ]

  for (const name of names) assert.match(text, new RegExp(`^\\| \`parameters\\.${name}\``, 'm'))
})

/** Files for other programs; those of Greengrass v1 are read by `greengrass plan`. */
const OTHERS = ['greengrass-v1', 'prometheus', 'grafana']
const configurations = readdirSync(examples, { recursive: true, encoding: 'utf8' }).filter(
  (name) => /\.(yaml|json)$/.test(name) && !OTHERS.some((folder) => name.startsWith(folder)),
)

for (const name of configurations) {
  test(`examples/${name} is a valid configuration`, async () => {
    const file = join(examples, name)
    const isDefinition = name.endsWith('connector-definition.json')
    const request = isDefinition ? { connectorDefinition: file } : { file }

    const { config, files } = await loadConfig({ ...request, environment: {} })

    assert.deepEqual(files, [file])
    assert(Object.isFrozen(config))
  })
}
