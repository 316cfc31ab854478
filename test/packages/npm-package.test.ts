/** The npm package as it is published: packed, installed in an empty folder, and run. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { VERSION } from '../../src/version.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { copyOfRepository, ran } from '../support/processes/package-sources.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

interface Pack {
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

const QUIET = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
const MAX_PACKED_BYTES = 5_000_000
/** A package that this one needs, to find out whether the registry can be reached. */
const skipWithoutRegistry =
  ran('npm', ['view', 'commander@14.0.3', 'version', ...QUIET]).code === 0
    ? false
    : 'the npm registry cannot be reached'

async function packed(t: TestContext): Promise<{ readonly file: string; readonly pack: Pack }> {
  const directory = await temporaryDirectory(t)
  const sources = copyOfRepository(t)
  const { code, stdout, output } = ran(
    'npm',
    ['pack', '--json', '--pack-destination', directory, ...QUIET],
    { cwd: sources },
  )
  assert.equal(code, 0, output)
  const [pack] = JSON.parse(stdout.slice(stdout.indexOf('[')))
  return { file: join(directory, pack.filename), pack }
}

test('the npm package runs from an empty folder, and has no more than it needs', {
  skip: skipWithoutRegistry,
}, async (t) => {
  const { file, pack } = await packed(t)
  const folder = join(await temporaryDirectory(t), 'empty')
  await mkdir(folder)

  const installed = ran('npm', ['install', '--omit=optional', '--prefer-offline', ...QUIET, file], {
    cwd: folder,
  })

  assert.equal(installed.code, 0, installed.output)
  const paths = pack.files.map(({ path }) => path)
  t.diagnostic(`${pack.size} bytes packed, ${pack.unpackedSize} unpacked, ${paths.length} files`)
  assert.ok(statSync(file).size < MAX_PACKED_BYTES)
  const strange = paths.filter((path) =>
    /\.tsx?$|tsbuildinfo|(^|\/)(test|src)\//.test(path.replace(/\.d\.ts$/, '')),
  )
  assert.deepEqual(strange, [])
  // The library has no source maps; those of the program serve --log-level debug.
  assert.deepEqual(
    paths.filter((path) => /\.map$/.test(path) && !path.startsWith('dist/program/')),
    [],
  )
  assert.ok(paths.includes('dist/man/iot-analytics-connector.1'))
  assert.ok(paths.includes('dist/dashboard/index.html.gz'))
  const bin = join(folder, 'node_modules', '.bin')
  for (const name of ['iot-analytics-connector', 'iotac']) {
    assert.equal(ran(join(bin, name), ['--version'], { cwd: folder }).stdout, `${VERSION}\n`)
  }
  const data = join(folder, 'data')
  const script = join(bin, 'iot-analytics-connector')
  const connector = await new ConnectorProcess(t, ['--data', data], {
    script,
  }).started()
  const health = await fetch(`${connector.httpUrl}/health`)
  assert.equal(health.status, 200)
  assert.match(await health.text(), /"ready":true/)
  connector.signal('SIGTERM')
  assert.equal((await connector.ends()).code, 0)
  const query = ['query', 'SELECT 1', '--data', data]
  const { code, stderr } = await runCommand(t, query, { script })
  assert.equal(code, 1)
  assert.match(stderr, /npm install @duckdb\/node-api/)
})
