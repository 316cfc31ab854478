/** `greengrass plan` on the files of a Greengrass v1 group. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const EXPORT = join(import.meta.dirname, '..', '..', '..', 'examples', 'greengrass-v1')
const FILES = ['connectors', 'functions', 'group', 'subscriptions'].map((name) =>
  join(EXPORT, `${name}.json`),
)

test('greengrass plan --json has the whole configuration, and inputs that the connector takes', async (t) => {
  const component = ['--component', 'com.acme.Analytics']

  const { code, stdout, stderr } = await runCommand(t, [
    ...['greengrass', 'plan', ...FILES, '--json'],
    ...component,
  ])

  assert.deepEqual([code, stderr], [0, ''])
  const { merge, notKept, subscriptions } = JSON.parse(stdout)
  const { accessControl, inputs, iotCoreInputs, iotCoreStatus, ...parameters } =
    merge['com.acme.Analytics']
  assert.deepEqual(inputs, { 'pump-to-analytics': 'factory/#' })
  assert.deepEqual(iotCoreInputs, { 'cloud-to-analytics': 'orders/+/placed' })
  assert.equal(iotCoreStatus, 'true')
  assert.deepEqual(Object.keys(accessControl), [
    'aws.greengrass.ipc.pubsub',
    'aws.greengrass.ipc.mqttproxy',
  ])
  assert.deepEqual(
    Object.keys(merge['aws.greengrass.clientdevices.mqtt.Bridge'].mqttTopicMapping),
    ['pump-to-analytics', 'status-to-pump'],
  )
  assert.equal(subscriptions.length, 6)
  assert.ok(notKept.some(({ what }: { what: string }) => what === 'IsolationMode NoContainer'))
  const config = parseConfig({ parameters, inputs: Object.values<string>(inputs) }, {})
  assert.equal(config.parameters.batchSizePerChannel, 10)
})

test('greengrass plan sets what the recipe has a default for, and nothing else', async (t) => {
  const recipe = join(EXPORT, '..', '..', 'packaging', 'greengrass', 'recipe.yaml')
  const { ComponentConfiguration: known } = parse(await readFile(recipe, 'utf8'))

  const { stdout } = await runCommand(t, ['greengrass', 'plan', ...FILES, '--json'])

  const { component, merge } = JSON.parse(stdout)
  const unknown = Object.keys(merge[component]).filter(
    (key) => !Object.hasOwn(known.DefaultConfiguration, key),
  )
  assert.deepEqual(unknown, [])
  assert.deepEqual(
    Object.keys(merge[component].accessControl['aws.greengrass.ipc.pubsub']).filter((id) =>
      Object.hasOwn(known.DefaultConfiguration.accessControl['aws.greengrass.ipc.pubsub'], id),
    ),
    [],
    'the policies of the recipe stay as they are',
  )
})

test('greengrass plan shows no character that steers the terminal', async (t) => {
  const cwd = await temporaryDirectory(t)
  const Definition = {
    Subscriptions: [
      {
        Id: 's',
        Source: 'arn:aws:iot:us-west-2:1:thing/\u001b[31mPump',
        Subject: 'a/\u202eb',
        Target: 'arn:aws:greengrass:us-west-2::/connectors/IoTAnalytics/versions/2',
      },
    ],
  }
  await writeFile(join(cwd, 's.json'), JSON.stringify({ Definition }))

  for (const flags of [[], ['--json']]) {
    const { code, stdout } = await runCommand(t, ['greengrass', 'plan', 's.json', ...flags], {
      cwd,
    })
    assert.equal(code, 0)
    assert.doesNotMatch(stdout.replaceAll('\n', ''), /\p{Cc}|\p{Cf}/u)
    assert.match(stdout, /\\u202eb/)
  }
})

test('greengrass plan says for people what to deploy, what to do and what cannot be kept', async (t) => {
  const { code, stdout, stderr } = await runCommand(t, ['greengrass', 'plan', ...FILES])

  assert.deepEqual([code, stderr], [0, ''])
  const headings = stdout.split('\n').filter((line) => line.endsWith(':'))
  assert.deepEqual(headings, [
    'Configuration to merge for com.example.IoTAnalyticsConnector:',
    'Configuration to merge for aws.greengrass.clientdevices.mqtt.Bridge:',
    'Subscriptions:',
    'To do:',
    'Cannot be kept:',
  ])
  const [, first = ''] = stdout.split(/^Configuration to merge for .*:$/m)
  assert.equal(JSON.parse(first).MemorySize, '65535')
  assert.match(stdout, /^ {2}reader-to-analytics: function modbus-reader → iotanalytics\/channels/m)
})

test('greengrass plan names what is wrong with a file, and exits with 2', async (t) => {
  const cwd = await temporaryDirectory(t)
  await writeFile(join(cwd, 'broken.json'), '{"Subscriptions": [')
  await writeFile(join(cwd, 'other.json'), '{"name": "x"}')
  await writeFile(join(cwd, 'empty.json'), '')
  await writeFile(join(cwd, 'utf16.json'), '\ufeff{"Subscriptions": []}', 'utf16le')
  await writeFile(join(cwd, 'definition.json'), '{"Id": "1", "LatestVersion": "v7"}')

  for (const [file, expected] of [
    ['none.json', /^error: Can’t read \/.*\/none\.json: there is no such file\n$/],
    ['broken.json', /^error: broken\.json is neither YAML nor JSON:\n {2}broken\.json:1:20: /],
    [
      'other.json',
      /^error: other\.json: expected what aws greengrass get-…-definition-version.* got a mapping\n$/,
    ],
    ['empty.json', /^error: empty\.json: expected .* got an empty file\n$/],
    ['utf16.json', /^error: utf16\.json: expected YAML or JSON in UTF-8, got/],
    ['definition.json', /got a definition without its version: get the version "v7" of it\n$/],
  ] as const) {
    const { code, stdout, stderr } = await runCommand(t, ['greengrass', 'plan', file], { cwd })
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, expected)
  }
})

test('the component runs with the configuration that the plan says to merge', async (t) => {
  const { stdout } = await runCommand(t, ['greengrass', 'plan', ...FILES, '--json'])
  const { component, merge } = JSON.parse(stdout)

  const { config } = await loadConfig({
    environment: {},
    component: { name: component, value: merge[component] },
  })

  assert.deepEqual(config.inputs, ['factory/#'])
  assert.deepEqual(config.sources.greengrass?.iotCoreInputs, ['orders/+/placed'])
  assert.equal(config.sources.greengrass?.iotCoreStatus, true)
  assert.equal(config.parameters.batchSizePerChannel, 10)
})

test('greengrass plan refuses a name that no component can have', async (t) => {
  const flags = ['--component', 'a b']

  const { code, stderr } = await runCommand(t, ['greengrass', 'plan', ...flags, ...FILES])

  assert.equal(code, 2)
  assert.match(stderr, /argument 'a b' is invalid\. Expected 1 to 128 of A-Z a-z 0-9 \. _ -/)
})
