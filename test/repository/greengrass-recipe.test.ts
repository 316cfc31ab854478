/** The recipes of the Greengrass component, which two nuclei read with different strictness. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Ajv } from 'ajv'
import { parse, stringify } from 'yaml'
import { parseConfig } from '../../src/config/parse-config.ts'
import { PREDEFINED_FILTERS } from '../../src/routing/input-topics.ts'
import { STATUS_TOPIC } from '../../src/topics.ts'
import { VERSION } from '../../src/version.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const packaging = join(root, 'packaging', 'greengrass')
const NAME = 'com.example.IoTAnalyticsConnector'
/** A key of a recipe on the way through the tests. */
type Json = Record<string, unknown>

const RECIPES = ['recipe.yaml', 'recipe-local-storage.yaml'].map((file) => ({
  file,
  recipe: parse(readFileSync(join(packaging, file), 'utf8')),
}))
const [{ recipe: MAIN } = { recipe: {} }] = RECIPES
/** AWS publishes it with the Greengrass Development Kit, under gdk/static. */
const SCHEMA =
  process.env['GREENGRASS_RECIPE_SCHEMA'] ??
  join(homedir(), '.cache', 'iot-analytics-connector', 'greengrass', 'recipe_schema.json')

/** Of its buffer for a recipe. AWS takes 16 KB. */
const LITE_RECIPE_BYTES = 8_196

/** Keys of the connector's own parameters, and those that the component adds. */
const WIRING = [
  'accessControl',
  'connector',
  'inputs',
  'iotCoreInputs',
  'iotCoreStatus',
  'nodePath',
]

function configurationOf(recipe: typeof MAIN): Json {
  return recipe.ComponentConfiguration.DefaultConfiguration
}

for (const { file, recipe } of RECIPES) {
  test(`${file}: name and version are the package’s, everywhere`, () => {
    const gdk = JSON.parse(readFileSync(join(packaging, 'gdk-config.json'), 'utf8'))

    assert.deepEqual([recipe.ComponentName, recipe.ComponentVersion], [NAME, VERSION])
    assert.deepEqual(Object.keys(gdk.component), [NAME])
    assert.equal(gdk.component[NAME].version, VERSION)
    assert.match(scriptOf(recipe), new RegExp(`--greengrass ${NAME.replaceAll('.', '\\.')} `))
  })

  test(`${file}: accessControl has the topics of the connector by default, and no others`, () => {
    const { accessControl } = Object(configurationOf(recipe))

    assert.deepEqual(Object.keys(accessControl), ['aws.greengrass.ipc.pubsub'])
    const policies = accessControl['aws.greengrass.ipc.pubsub']
    assert.deepEqual(Object.keys(policies), [`${NAME}:pubsub:1`, `${NAME}:pubsub:2`])
    const [subscribe, publish] = Object.values<Json>(policies)
    assert.deepEqual(subscribe?.['operations'], ['aws.greengrass#SubscribeToTopic'])
    assert.deepEqual(subscribe?.['resources'], PREDEFINED_FILTERS)
    assert.deepEqual(publish?.['operations'], ['aws.greengrass#PublishToTopic'])
    assert.deepEqual(publish?.['resources'], [STATUS_TOPIC, 'iotanalytics/channels/__probe/*'])
  })

  test(`${file}: its defaults are those of the connector, as text`, () => {
    const given = Object.entries(configurationOf(recipe))
    const parameters = Object.fromEntries(given.filter(([key]) => !WIRING.includes(key)))

    assert.deepEqual(parseConfig({ parameters }, {}), parseConfig({}, {}))
    assert.deepEqual(
      [...new Set(Object.values(parameters).map((value) => typeof value))],
      ['string'],
    )
  })

  test(`${file}: a script has no braces but those of three variables`, () => {
    const script = scriptOf(recipe)
    const variables = [...script.matchAll(/\{[^{}]*\}/g)].map(([text]) => text)

    assert.deepEqual(variables, [
      '{configuration:/nodePath}',
      '{artifacts:decompressedPath}',
      '{work:path}',
    ])
    assert.equal(script.match(/[{}]/g)?.length, 6)
    assert.match(script, /^exec [^\n]+ --deadline 3$/)
    assert.ok(script.length <= 10_000)
  })

  test(`${file}: keys are as nucleus lite needs them, and nothing ends the component after a time`, () => {
    const [manifest, ...others] = recipe.Manifests

    assert.deepEqual(others, [])
    assert.deepEqual(manifest.Platform, { os: 'linux', runtime: '*' })
    assert.deepEqual(Object.keys(manifest.Lifecycle), ['run'])
    assert.deepEqual(Object.keys(manifest.Lifecycle.run), ['Script'])
    const [artifact] = manifest.Artifacts
    assert.equal(artifact.Uri, 's3://BUCKET_NAME/COMPONENT_NAME/COMPONENT_VERSION/connector.zip')
    assert.equal(artifact.Unarchive, 'ZIP')
    for (const dependency of Object.values<Json>(recipe.ComponentDependencies ?? {})) {
      assert.match(String(dependency['DependencyType']), /^(HARD|SOFT)$/)
    }
  })

  test(`${file}: nucleus lite can read it, as YAML and as JSON, and it means the same in both`, () => {
    const json = JSON.stringify(recipe, null, 2)

    assert.ok(statSync(join(packaging, file)).size < LITE_RECIPE_BYTES)
    assert.ok(json.length < LITE_RECIPE_BYTES)
    assert.deepEqual(parse(json), recipe)
    assert.deepEqual(parse(stringify(recipe)), recipe)
  })

  test(`${file}: AWS’s schema of recipes accepts it`, {
    skip: existsSync(SCHEMA)
      ? false
      : 'AWS’s schema is missing: set GREENGRASS_RECIPE_SCHEMA to gdk/static/recipe_schema.json of aws-greengrass-gdk-cli',
  }, () => {
    const validate = recipeValidator()

    assert.deepEqual(validate(withLowerKeys(recipe)) ? [] : validate.errors, [])
    const { ComponentName: _, ...nameless } = recipe
    assert.equal(validate(withLowerKeys(nameless)), false)
  })
}

test('the script starts the program with its flags, also in folders with spaces', async (t) => {
  const directory = join(await temporaryDirectory(t), 'with spaces')
  await mkdir(join(directory, 'connector'), { recursive: true })
  const program = 'console.log(JSON.stringify(process.argv.slice(2)))'
  await writeFile(join(directory, 'connector', 'main.js'), program)
  const script = scriptOf(MAIN)
    .replace('{configuration:/nodePath}', process.execPath)
    .replace('{artifacts:decompressedPath}', directory)
    .replace('{work:path}', directory)

  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script])

  assert.deepEqual(JSON.parse(stdout), [
    ...['run', '--greengrass', NAME, '--data', `${directory}/data`, '--deadline', '3'],
  ])
})

test('the recipe for local storage differs in the token exchange service alone', () => {
  const [, second] = RECIPES
  const { ComponentDependencies: dependencies, ...rest } = MAIN

  assert.deepEqual(second?.recipe, rest)
  assert.deepEqual(Object.keys(dependencies), ['aws.greengrass.TokenExchangeService'])
})

function scriptOf(recipe: typeof MAIN): string {
  return recipe.Manifests[0].Lifecycle.run.Script
}

/** The development kit compares keys in lower case. */
function withLowerKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withLowerKeys)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  return Object.fromEntries(entries.map(([key, one]) => [key.toLowerCase(), withLowerKeys(one)]))
}

/** The schema's patterns are Python's: `(?i)` is a flag there. */
function recipeValidator() {
  const regExp = Object.assign(
    (pattern: string) =>
      pattern.startsWith('(?i)') ? new RegExp(pattern.slice(4), 'i') : new RegExp(pattern),
    { code: 'regExp' },
  )
  const ajv = new Ajv({ strict: false, unicodeRegExp: false, code: { regExp } })
  return ajv.compile(JSON.parse(readFileSync(SCHEMA, 'utf8')))
}
