/** Container actions as programs on this machine. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DatasetRig, definitionOf } from '../../../support/analytics/dataset-rig.ts'
import { temporaryDirectory } from '../../../support/processes/running-connector.ts'
import { until } from '../../../support/until.ts'

const IMAGE = '123456789012.dkr.ecr.us-east-1.amazonaws.com/weekly:1'
const executionRoleArn = 'arn:aws:iam::000000000000:role/analytics'
const resourceConfiguration = { computeType: 'ACU_1', volumeSizeInGB: 1 }
const BEGIN = `
const fs = require('node:fs'), path = require('node:path'), { fileURLToPath } = require('node:url')
const params = JSON.parse(fs.readFileSync(process.env.IOT_ANALYTICS_PARAMS, 'utf8'))
const { Variables: v, Context: { OutputUris: out } } = params
const run = path.dirname(process.env.IOT_ANALYTICS_PARAMS), all = path.dirname(run)
`

function containerDefinition(variables: readonly object[] = [], image = IMAGE) {
  const container = { image, executionRoleArn, resourceConfiguration, variables }
  return definitionOf({ actions: [{ containerAction: container }] })
}

async function rigWith(t: TestContext, script: string, more: object = {}) {
  const directory = await temporaryDirectory(t)
  const command = [process.execPath, '-e', BEGIN + script]
  const containers = { [IMAGE]: { command, ...more } }
  const rig = await new DatasetRig({ directory, options: { containers } }).open()
  t.after(() => rig.datasets.close())
  return { rig, directory }
}

/** Waits for a program, which takes no turns of this event loop. */
async function outcome(rig: DatasetRig, dataset: string) {
  const version = (await rig.datasets.createContent(dataset, undefined)) ?? ''
  const content = () => rig.datasets.content(dataset, version, 'http://host')
  await until('the program has ended', async () => (await content())?.status.state !== 'CREATING')
  const status = (await content())?.status
  const entries = (await content())?.entries.map(({ entryName }) => entryName)
  return { version, state: status?.state, reason: status?.reason ?? '', entries }
}

/** Whether the process is there. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a program gets its variables and contents, and its files become the entries', async (t) => {
  const { rig, directory } = await rigWith(
    t,
    `fs.writeFileSync(fileURLToPath(v.table), fs.readFileSync(fileURLToPath(v.source), 'utf8') + v.plant + v.limit)
     fs.writeFileSync(fileURLToPath(out.html), '<p>' + Object.keys(out) + Object.keys(process.env).filter((name) => !/^(PWD|OLDPWD|SHLVL|_)$/.test(name)).sort())`,
    { environment: { MODE: 'weekly' } },
  )
  await rig.define('sql', definitionOf({}))
  rig.rows.rows.push({ id: 7, time: 0, arrived: 0 })
  await outcome(rig, 'sql')
  await rig.define(
    'report',
    containerDefinition([
      { name: 'plant', stringValue: 'north' },
      { name: 'limit', doubleValue: 4.5 },
      { name: 'source', datasetContentVersionValue: { datasetName: 'sql' } },
      { name: 'table', outputFileUriValue: { fileName: 'table.csv' } },
      { name: '__proto__', stringValue: 'x' },
    ]),
  )

  const { version, state, entries } = await outcome(rig, 'report')

  assert.equal(state, 'SUCCEEDED')
  assert.deepEqual(entries, ['result.html', 'table.csv'])
  assert.equal(await rig.read('report', version, 1), '"id"\n"7"\nnorth4.5')
  const page = (await rig.read('report', version, 0)) ?? ''
  assert.match(page, /<p>html,ipynb,table/)
  assert.match(page, /IOT_ANALYTICS_PARAMS,MODE,PATH,TZ$/)
  const left = (await readdir(join(directory, 'datasets'))).filter((name) => name.startsWith('.'))
  assert.deepEqual(left, [])
})

test('an image without a program says which setting has none', async (t) => {
  const { rig } = await rigWith(t, '')
  await rig.define('report', containerDefinition([], 'another:1'))

  const { state, reason } = await outcome(rig, 'report')

  assert.equal(state, 'FAILED')
  assert.match(
    reason,
    /no program stands for the image "another:1".*analytics\.datasets\.containers/,
  )
})

test('a program that fails gives its last line as the reason', async (t) => {
  const { rig } = await rigWith(t, `console.error('no \\u001b[31mink'); process.exit(3)`)
  await rig.define('report', containerDefinition())

  const { state, reason, entries } = await outcome(rig, 'report')

  assert.equal(state, 'FAILED')
  assert.match(reason, /it ended with exit code 3; its last line: no \\u001b\[31mink/)
  assert.deepEqual(entries, [])
})

test('a program that can’t be started is a reason too', async (t) => {
  const directory = await temporaryDirectory(t)
  const containers = { [IMAGE]: { command: ['/nowhere/program'] } }
  const rig = await new DatasetRig({ directory, options: { containers } }).open()
  t.after(() => rig.datasets.close())
  await rig.define('report', containerDefinition())

  const { state, reason } = await outcome(rig, 'report')

  assert.equal(state, 'FAILED')
  assert.match(reason, /it can’t be started; its last line: .*not found/)
})

test('a program that takes too long is killed, with everything that it has started', async (t) => {
  const { rig, directory } = await rigWith(
    t,
    `const { spawn } = require('node:child_process')
     const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
     fs.writeFileSync(path.join(all, 'pids'), process.pid + ' ' + child.pid)
     setInterval(() => {}, 1000)`,
    { timeout: '5s' },
  )
  await rig.define('report', containerDefinition())
  const version = await rig.datasets.createContent('report', undefined)
  const path = join(directory, 'datasets', 'pids')
  const pids = async () => (await readFile(path, 'utf8').catch(() => '')).split(' ').map(Number)
  await until('both are running', async () => (await pids()).length === 2)
  const both = await pids()

  rig.clock.advance(5_000)
  const content = () => rig.datasets.content('report', version ?? '', '')
  await until('it has ended', async () => (await content())?.status.state === 'FAILED')

  assert.match((await content())?.status.reason ?? '', /it took longer than 5s/)
  await until('neither is running', () => !both.some(isRunning))
})

test('a program that writes too much is killed', async (t) => {
  const directory = await temporaryDirectory(t)
  const script = `${BEGIN}
    const file = fs.openSync(fileURLToPath(out.html), 'w')
    const write = () => { fs.writeSync(file, Buffer.alloc(65536)); setTimeout(write, 1) }
    write()`
  const containers = { [IMAGE]: { command: [process.execPath, '-e', script] } }
  const options = { containers, maxBytes: '1MiB' }
  const rig = await new DatasetRig({ directory, options }).open()
  t.after(() => rig.datasets.close())
  await rig.define('report', containerDefinition())
  const version = await rig.datasets.createContent('report', undefined)
  const content = () => rig.datasets.content('report', version ?? '', '')

  await until('it has ended', async () => {
    rig.clock.advance(1_000)
    return (await content())?.status.state === 'FAILED'
  })

  assert.match((await content())?.status.reason ?? '', /analytics\.datasets\.maxBytes/)
})

test('links, folders and strange names in the output lead nowhere', async (t) => {
  const { rig } = await rigWith(
    t,
    `process.chdir(run); fs.mkdirSync('out/folder'); fs.symlinkSync('/etc/passwd', 'out/link'); fs.writeFileSync('out/a.csv', 'x')
     if (v.strange) fs.writeFileSync('out/a b', 'x')`,
  )
  await rig.define('plain', containerDefinition())
  await rig.define('strange', containerDefinition([{ name: 'strange', stringValue: 'yes' }]))

  const plain = await outcome(rig, 'plain')
  const strange = await outcome(rig, 'strange')

  assert.deepEqual(plain.entries, ['a.csv'])
  assert.equal(strange.state, 'FAILED')
  assert.match(strange.reason, /named with A-Z a-z 0-9 _ \. -, got a file "a b"/)
})

test('stopping ends the program, and the next start runs it again', async (t) => {
  const { rig, directory } = await rigWith(
    t,
    `fs.appendFileSync(path.join(all, 'starts'), 'x')
     if (fs.readFileSync(path.join(all, 'starts'), 'utf8') === 'x') setInterval(() => {}, 1000)`,
  )
  await rig.define('report', containerDefinition())
  const version = await rig.datasets.createContent('report', undefined)
  const starts = () => readFile(join(directory, 'datasets', 'starts'), 'utf8').catch(() => '')
  await until('it is running', async () => (await starts()) === 'x')
  await rig.datasets.close()

  const containers = {
    [IMAGE]: {
      command: [process.execPath, '-e', `${BEGIN} fs.writeFileSync(path.join(run, 'out/a'), 'b')`],
    },
  }
  const again = await new DatasetRig({
    directory,
    clock: rig.clock,
    options: { containers },
  }).open()
  t.after(() => again.datasets.close())
  const content = () => again.datasets.content('report', version ?? '', 'http://host')
  await until('it has ended', async () => (await content())?.status.state === 'SUCCEEDED')

  assert.equal(await again.read('report', version ?? ''), 'b')
})

test('a variable that names a dataset without content fails', async (t) => {
  const { rig } = await rigWith(t, '')
  const variable = { name: 'source', datasetContentVersionValue: { datasetName: 'sql' } }
  await rig.define('sql', definitionOf({}))
  await rig.define('report', containerDefinition([variable]))

  const { reason } = await outcome(rig, 'report')

  assert.match(reason, /the dataset sql, which a variable names, has no content yet/)
})
