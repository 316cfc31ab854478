/** What `npm run greengrass` builds, unpacked as a nucleus unpacks it. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { VERSION } from '../../src/version.ts'
import { CLASSIC, LITE } from '../support/greengrass/character.ts'
import { startNucleus } from '../support/greengrass/nucleus-server.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { findCommand } from '../support/servers/find-command.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const NAME = 'com.example.IoTAnalyticsConnector'
const ARTIFACT = join('artifacts', NAME, VERSION, 'connector.zip')
const python = findCommand('python3')

async function build(directory: string, ...flags: readonly string[]): Promise<void> {
  const script = join(root, 'scripts', 'build-greengrass.mjs')
  await promisify(execFile)(process.execPath, [script, directory, ...flags])
}

test('the component runs from its zip, with every client, and the zip is the same each time', {
  skip: python === undefined && 'python3 is missing: apt-get install python3',
}, async (t) => {
  const directory = await temporaryDirectory(t)
  const [first, second] = [join(directory, 'first'), join(directory, 'second')]
  const unpacked = join(directory, 'connector')
  await mkdir(unpacked)

  await build(first)
  await build(second, '--local-storage')
  await promisify(execFile)(python ?? '', ['-m', 'zipfile', '-e', join(first, ARTIFACT), unpacked])

  assert.ok((await readFile(join(first, ARTIFACT))).equals(await readFile(join(second, ARTIFACT))))
  const script = join(unpacked, 'main.js')
  assert.equal((await runCommand(t, ['--version'], { script })).stdout, `${VERSION}\n`)
  for (const destination of [
    '{kafka: {brokers: [127.0.0.1:1], topic: t}}',
    '{postgres: {host: 127.0.0.1, port: 1, database: d, user: u, table: t}}',
    '{nats: {servers: [127.0.0.1:1], stream: s, subjectPrefix: p}}',
  ]) {
    const settings = [`destinations=[${destination}]`, 'sources.mqttServer.port=0', 'http.port=0']
    const set = settings.flatMap((setting) => ['--set', setting])
    const data = ['--data', join(directory, 'data')]
    const { stderr } = await runCommand(t, ['check', '--connect', ...data, ...set], { script })
    assert.match(stderr, /connect ECONNREFUSED 127\.0\.0\.1:1/, destination)
  }
  assert.deepEqual((await readdir(unpacked)).filter((file) => !file.endsWith('.js')).sort(), [
    'LICENSE',
    'LICENSES.txt',
    'dashboard',
    'package.json',
  ])
  assert.ok((await readdir(join(unpacked, 'dashboard'))).includes('index.html.gz'))
})

for (const character of [CLASSIC, LITE]) {
  test(`${character.name}: the recipe’s script runs the artifact with the recipe’s configuration`, {
    skip: python === undefined && 'python3 is missing: apt-get install python3',
  }, async (t) => {
    const directory = await temporaryDirectory(t)
    const built = join(directory, 'built')
    const artifacts = join(directory, 'unpacked')
    const work = join(directory, 'work')
    await mkdir(join(artifacts, 'connector'), { recursive: true })
    await mkdir(work)
    await build(built)
    const unzip = ['-m', 'zipfile', '-e', join(built, ARTIFACT), join(artifacts, 'connector')]
    await promisify(execFile)(python ?? '', unzip)
    const recipe = parse(await readFile(join(built, 'recipes', 'recipe.yaml'), 'utf8'))
    const server = await startNucleus(t, character)
    server.addComponent(NAME, recipe.ComponentConfiguration.DefaultConfiguration)
    const variables: Readonly<Record<string, string>> = {
      'configuration:/nodePath': process.execPath,
      'artifacts:decompressedPath': artifacts,
      'work:path': work,
    }
    const command = String(recipe.Manifests[0].Lifecycle.run.Script).replaceAll(
      /\{([^}]*)\}/g,
      (whole, name: string) => variables[name] ?? whole,
    )

    const component = spawn('sh', ['-c', command], {
      cwd: work,
      env: { PATH: process.env['PATH'], ...server.environmentOf(NAME) },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    t.after(() => component.kill('SIGKILL'))
    await until('it runs', () => server.statesOf(NAME).includes('RUNNING'))
    await until('it has subscribed', () => server.filtersOf(NAME).length === 2)
    const envelope = { request: { message: '{"temp":23.33}' }, id: 'first' }
    server.publish('iotanalytics/channels/pump/messages/put', { json: envelope })
    await until('the message has its status', () =>
      server
        .requests('PublishToTopic')
        .some(({ request }) => request['topic'] === 'iotanalytics/messages/put/status'),
    )
    component.kill('SIGTERM')
    const [code] = await once(component, 'exit')

    assert.equal(code, 0)
    assert.ok((await readdir(join(work, 'data'))).includes('channels'))
  })
}

test('the recipe goes beside the artifact, under the names that gdk and nucleus lite look for', async (t) => {
  const directory = await temporaryDirectory(t)
  const recipes = join(directory, 'recipes')
  const files = [`${NAME}-${VERSION}.yaml`, 'recipe.yaml']

  for (const [source, ...flags] of [
    ['recipe.yaml'],
    ['recipe-local-storage.yaml', '--local-storage'],
  ] as const) {
    await build(directory, ...flags)
    const expected = await readFile(join(root, 'packaging', 'greengrass', source), 'utf8')
    assert.deepEqual((await readdir(recipes)).sort(), files)
    for (const file of files) {
      assert.equal(await readFile(join(recipes, file), 'utf8'), expected)
    }
  }
})
