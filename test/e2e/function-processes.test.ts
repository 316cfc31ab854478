/** Processes of functions when the connector, or its worker process, is killed. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as aws from '@aws-sdk/client-iotanalytics'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { isRunning } from '../support/processes/is-running.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

/** Loops, and so does what it has started. */
const LOOPING = `
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
export const handler = (event) => {
  if (event[0].quick) return event
  const own = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
  writeFileSync(process.env.PIDS, JSON.stringify([process.pid, own.pid, process.ppid]))
  for (;;);
}`
/** Does not end when its input does. */
const DEAF = `
process.on('SIGTERM', () => {})
process.stdin.on('data', () =>
  require('fs').writeFileSync(process.env.PIDS, JSON.stringify([process.pid, process.pid, process.ppid])))
setInterval(() => {}, 1000)`

/** Takes a while to end when its input does. */
const ORDERLY = `
const write = (what) => require('fs').writeFileSync(process.env.PIDS, JSON.stringify(what))
process.stdin.on('data', () => { write([process.pid, process.pid, process.ppid]); console.log('[{}]') })
process.stdin.on('end', () => setTimeout(() => write("ended"), 10))`

async function startConnector(t: TestContext) {
  const directory = await temporaryDirectory(t)
  const pids = join(directory, 'pids.json')
  const module = join(directory, 'looping.mjs')
  await writeFile(module, LOOPING)
  const environment = { PIDS: pids }
  const functions = {
    looping: { module, environment },
    orderly: { command: [process.execPath, '-e', ORDERLY], environment },
    deaf: { command: [process.execPath, '-e', DEAF], environment },
  }
  const config = join(directory, 'connector.json')
  const analytics = { api: {}, pipelines: { functions } }
  await writeFile(config, JSON.stringify({ sources: { batchPutMessage: {} }, analytics }))
  const args = ['--config', config, '--data', join(directory, 'data')]
  const connector = await new ConnectorProcess(t, args, { withMqttServer: false }).started()
  const client = new aws.IoTAnalyticsClient({
    endpoint: connector.httpUrl,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' },
    maxAttempts: 1,
  })
  t.after(() => client.destroy())
  const call = (lambdaName: string, payload = '{}') =>
    client.send(
      new aws.RunPipelineActivityCommand({
        pipelineActivity: { lambda: { name: 'l', lambdaName, batchSize: 1 } },
        payloads: [Buffer.from(payload)],
      }),
    )
  return { connector, call, pids }
}

/** Of the function, of what it has started, and of the worker. */
async function pidsIn(path: string): Promise<[own: number, started: number, worker: number]> {
  let pids: [number, number, number] | undefined
  await until('the function runs', () => {
    try {
      pids = JSON.parse(readFileSync(path, 'utf8'))
    } catch {
      // Not yet, or only a part of it.
    }
    return pids !== undefined
  })
  return pids ?? assert.fail('no ids')
}

const skip = process.platform !== 'linux' && 'needs /proc'

test('a function that loops, or ignores its end, does not outlive a connector that is killed', {
  skip,
}, async (t) => {
  for (const lambdaName of ['looping', 'deaf']) {
    const { connector, call, pids } = await startConnector(t)
    const calling = call(lambdaName).catch(() => undefined)
    const all = await pidsIn(pids)

    await connector.crash()

    await calling
    await until(`no process is left of ${lambdaName}`, () => !all.some(isRunning))
  }
})

test('a function has time to end when the connector is killed', { skip }, async (t) => {
  const { connector, call, pids } = await startConnector(t)
  await call('orderly')

  await connector.crash()

  await until('it has ended as it does', () => readFileSync(pids, 'utf8') === '"ended"')
})

test('a function does not outlive a worker that is killed, and the next call works', {
  skip,
}, async (t) => {
  const { call, pids } = await startConnector(t)
  const calling = call('looping').catch((thrown: Error) => thrown)
  const [own, started, worker] = await pidsIn(pids)

  process.kill(worker, 'SIGKILL')

  const error = await calling
  assert.ok(error instanceof Error && error.name === 'ServiceUnavailableException', String(error))
  await until('no process is left', () => ![own, started].some(isRunning))
  const { payloads = [] } = await call('looping', '{"quick":true}')
  assert.deepEqual(
    payloads.map((one) => Buffer.from(one).toString()),
    ['{"quick":true}'],
  )
})
