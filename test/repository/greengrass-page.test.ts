/** The configurations and policies of docs/greengrass.md, which readers copy. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { type AccessControl, accessControlFor } from '../../src/greengrass/plan/access-control.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const page = readFileSync(join(root, 'docs', 'greengrass.md'), 'utf8')
const blocks = [...page.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, text = '']) =>
  JSON.parse(text),
)
const NAME = 'com.example.IoTAnalyticsConnector'

test('each configuration on the page is accepted', async () => {
  const configurations = blocks.filter((block) => !Object.hasOwn(block, 'Statement'))

  for (const value of configurations) {
    const { config } = await loadConfig({ environment: {}, component: { name: NAME, value } })
    assert.equal(config.sources.greengrass?.component, NAME)
  }
  assert.ok(configurations.length >= 6)
})

test('the policies on the page are those that greengrass plan writes for its examples', () => {
  const onPage: AccessControl = Object.assign(
    {},
    ...blocks.flatMap(({ accessControl }) => accessControl ?? []),
  )
  const { inputs } = blocks.find((block) => Object.hasOwn(block, 'inputs'))
  const [, iotCore = ''] = /`"iotCoreInputs": (\{.*\})`/.exec(page) ?? []

  const expected = accessControlFor(NAME, {
    inputs: Object.values<string>(inputs),
    iotCoreInputs: Object.values<string>(JSON.parse(iotCore)),
    publishesToIotCore: true,
  })

  assert.deepEqual(onPage, expected)
})

test('every test that the page names is there', () => {
  const named = [...page.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title.replace(/\s+/g, ' '))
  const files = [...new Set(page.match(/test\/[a-z0-9/-]+\.test\.ts/g))]
  const source = files.map((file) => readFileSync(join(root, file), 'utf8')).join('\n')

  assert.ok(named.length >= 8)
  assert.deepEqual(
    named.filter((title) => !source.includes(title)),
    [],
  )
})
