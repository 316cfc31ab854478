/** `pipeline-failures`: the messages that pipelines could not process. */
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { writeFailures } from '../../../src/analytics/pipelines/failures/failure-store.ts'
import { runCommand } from '../../support/processes/command-line.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

const AT = Date.parse('2026-11-29T12:00:00Z')

function failure(offset: number, payload: Buffer) {
  const messageId = `m${offset}`
  const reason = 'the thing "press-1" is not in the\u001b device registry'
  return { offset, messageId, topic: 't', arrivedAt: AT, activity: 'enrich', reason, payload }
}

/** A data directory in which the pipelines have a failure each, and one has a binary payload too. */
async function directoryOf(t: TestContext, pipelines: readonly string[]): Promise<string> {
  const directory = await temporaryDirectory(t)
  await mkdir(join(directory, 'channels'))
  for (const pipeline of pipelines) {
    const processed = { directory, pipeline, logId: '0a1b2c3d', first: 0, end: 10, maxBytes: 4_000 }
    const failures = [failure(3, Buffer.from('{"a":1}')), failure(4, Buffer.from([255, 0]))]
    await writeFailures(processed, [...failures, failure(5, Buffer.alloc(2_000))])
  }
  return directory
}

test('failures are listed with their reason and payload, and what had no room is said', async (t) => {
  const data = await directoryOf(t, ['cold', 'warm'])
  const args = ['pipeline-failures', '--data', data]

  const all = await runCommand(t, args)
  const one = await runCommand(t, [...args, 'warm', '--json'])

  const lines = all.stdout.trimEnd().split('\n')
  assert.equal(
    lines[0],
    '2026-11-29T12:00:00.000Z  #3  cold  enrich: the thing "press-1" is not in the\\u001b device registry  messageId=m3  {"a":1}',
  )
  assert.match(lines[1] ?? '', /messageId=m4 {2}base64:\/wA=$/)
  assert.deepEqual(
    lines.map((line) => line.split('  ')[2]),
    ['cold', 'cold', 'warm', 'warm'],
  )
  assert.equal(
    all.stderr,
    ['cold', 'warm']
      .map((name) => `${name}: 1 more failure had no room (analytics.pipelines.maxFailureBytes).\n`)
      .join(''),
  )
  const [first, second] = one.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(first, {
    pipeline: 'warm',
    offset: 3,
    messageId: 'm3',
    topic: 't',
    receivedAt: '2026-11-29T12:00:00.000Z',
    activity: 'enrich',
    reason: 'the thing "press-1" is not in the\u001b device registry',
    payload: '{"a":1}',
  })
  assert.equal(second.payloadBase64, '/wA=')
})

test('nothing to list, a damaged file, and a name that is none', async (t) => {
  const data = await directoryOf(t, ['warm'])
  const folder = join(data, 'pipeline-failures', 'warm')
  const [name = ''] = await readdir(folder)
  const args = ['pipeline-failures', '--data', data]

  const none = await runCommand(t, [...args, 'cold'])
  const wrong = await runCommand(t, [...args, '../warm'])
  await writeFile(join(folder, name), 'no failures')
  const damaged = await runCommand(t, args)

  assert.deepEqual([none.code, none.stdout, none.stderr], [0, '', 'There are no failures.\n'])
  assert.deepEqual(
    [wrong.code, wrong.stderr],
    [2, 'error: ../warm is not the name of a pipeline\n'],
  )
  assert.deepEqual([damaged.code, damaged.stdout], [1, ''])
  assert.equal(damaged.stderr, `${join(folder, name)} can’t be read: it is damaged\n`)
})
