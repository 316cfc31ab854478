/** What `doctor` says about the messages that pipelines could not process. */
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspectFailures } from '../../../../src/analytics/pipelines/failures/doctor/inspect-failures.ts'
import { repairFailures } from '../../../../src/analytics/pipelines/failures/doctor/repair-failures.ts'
import { writeFailures } from '../../../../src/analytics/pipelines/failures/failure-store.ts'
import { temporaryDirectory } from '../../../support/disk/disk-stores.ts'

const NAME = '0a1b2c3d-0000000000000000-0000000000000010.jsonl'
const NEXT = '0a1b2c3d-0000000000000010-0000000000000020.jsonl'

/** A pipeline with two files of two failures each. */
async function failed(t: TestContext) {
  const directory = await temporaryDirectory(t)
  for (const first of [0, 10]) {
    const range = { logId: '0a1b2c3d', first, end: first + 10 }
    const failures = [first + 3, first + 7].map((offset) => ({
      offset,
      messageId: `m${offset}`,
      topic: 'plant/press',
      arrivedAt: 1_700_000_000_000,
      activity: 'enrich',
      reason: 'no thing',
      payload: Buffer.from('{}'),
    }))
    await writeFailures({ directory, pipeline: 'warm', maxBytes: 1_000_000, ...range }, failures)
  }
  const root = join(directory, 'pipeline-failures')
  return {
    directory,
    root,
    path: join(root, 'warm', NAME),
    kinds: async () => {
      const { findings } = await inspectFailures(directory)
      return findings.map(({ kind, file }) => [kind, file])
    },
  }
}

test('files that are well are counted, and a directory without any has no findings', async (t) => {
  const { directory } = await failed(t)
  const empty = await temporaryDirectory(t)

  const { files, bytes, findings } = await inspectFailures(directory)

  assert.equal(files, 2)
  assert.ok(bytes > 200)
  assert.deepEqual(findings, [])
  assert.deepEqual(await inspectFailures(empty), { files: 0, bytes: 0, findings: [] })
  assert.deepEqual(await repairFailures(empty), [])
})

test('damaged lines are found, with their place, and not made right by a repair', async (t) => {
  const { directory, path } = await failed(t)
  const [head = '', first = '', second = ''] = (await readFile(path, 'utf8')).split('\n')
  const position = Buffer.byteLength(`${head}\n${first}\n`)
  const damages: [content: string, position: number, bytes: number][] = [
    [`${head}\n${first}\n{"offset":\u0000\n`, position, 12],
    [`${head}\n${first}\n${second.slice(0, 20)}`, position, 20],
    [
      `${head}\n${first}\n${second.replace('"offset":7', '"offset":10')}\n`,
      position,
      second.length + 2,
    ],
    [`x\n${first}\ny\n${second}\n`, 0, 4],
    ['', 0, 0],
  ]

  for (const [content, at, bytes] of damages) {
    await writeFile(path, content)
    const { findings } = await inspectFailures(directory)

    const places = findings.map((one) => [one.kind, one.file, one.position, one.bytes, one.offsets])
    const offsets = { from: 0, to: 10 }
    assert.deepEqual(places, [['DamagedFailures', `warm/${NAME}`, at, bytes, offsets]], content)
    assert.deepEqual(await repairFailures(directory), [])
    assert.equal(await readFile(path, 'utf8'), content)
  }
})

test('a file that was cut anywhere is damaged', async (t) => {
  const { path, kinds } = await failed(t)
  const content = await readFile(path)
  const ends = [...content.keys()].filter((at) => content[at] === 0x0a).map((at) => at + 1)

  for (let bytes = content.length - 1; bytes >= 0; bytes--) {
    await truncate(path, bytes)
    // Whole lines are not known to have had others behind them.
    const wanted = ends.includes(bytes) ? [] : [['DamagedFailures', `warm/${NAME}`]]
    assert.deepEqual(await kinds(), wanted, `${bytes} bytes`)
  }
})

test('leftovers and foreign names are distinguished; a repair removes leftovers alone', async (t) => {
  const { directory, root, kinds } = await failed(t)
  await writeFile(join(root, 'warm', `.${NEXT}`), 'half')
  await writeFile(join(root, 'warm', 'notes.txt'), 'mine')
  await writeFile(join(root, 'stray'), 'mine')
  await mkdir(join(root, 'no pipeline'))
  const strays = [
    ['UnknownFile', 'no pipeline'],
    ['UnknownFile', 'stray'],
  ]

  assert.deepEqual(await kinds(), [
    ...strays,
    ['LeftOver', `warm/.${NEXT}`],
    ['UnknownFile', 'warm/notes.txt'],
  ])
  const repairs = await repairFailures(directory)

  assert.deepEqual(
    repairs.map(({ finding, done }) => [finding.file, done]),
    [[`warm/.${NEXT}`, 'Removed it.']],
  )
  assert.deepEqual(await kinds(), [...strays, ['UnknownFile', 'warm/notes.txt']])
  assert.deepEqual((await readdir(join(root, 'warm'))).sort(), [NAME, NEXT, 'notes.txt'])
})

test('a link in the place of a file is not followed', async (t) => {
  const { directory, root } = await failed(t)
  await symlink(
    '/etc/passwd',
    join(root, 'warm', '0a1b2c3d-0000000000000020-0000000000000030.jsonl'),
  )

  const { files, findings } = await inspectFailures(directory)

  assert.deepEqual([files, findings], [2, []])
})
