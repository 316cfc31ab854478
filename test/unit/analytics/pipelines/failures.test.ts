/** The messages that pipelines could not process, in files. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageFailure } from '../../../../src/analytics/pipelines/failures/failure-file.ts'
import {
  type FailuresOfFile,
  type ProcessedMessages,
  readFailures,
  writeFailures,
} from '../../../../src/analytics/pipelines/failures/failure-store.ts'
import type { FileLayer } from '../../../../src/channels/disk/files/file-layer.ts'
import { SimulatedDisk, seededRandom } from '../../../support/disk/simulated-disk.ts'

const FOLDER = '/data/pipeline-failures/warm'

function failure(offset: number, reason = 'no thing', payload = `{"n":${offset}}`): MessageFailure {
  return {
    offset,
    messageId: `m${offset}`,
    topic: 'plant/press',
    arrivedAt: 1_700_000_000_000 + offset,
    activity: 'enrich',
    reason,
    payload: Buffer.from(payload),
  }
}

function processed(files: FileLayer, first: number, end: number): ProcessedMessages {
  const maxBytes = 1024 * 1024
  return { directory: '/data', pipeline: 'warm', logId: '0a1b2c3d', first, end, maxBytes, files }
}

async function stored(files: FileLayer) {
  const found: MessageFailure[] = []
  let leftOut = 0
  for await (const file of readFailures('/data', 'warm', files)) {
    assert.equal(file.problem, undefined)
    if (file.problem !== undefined) continue
    found.push(...file.failures)
    leftOut += file.leftOut
  }
  return { found, leftOut, offsets: found.map(({ offset }) => offset) }
}

test('failures are read as they were written, in the order of their offsets', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  const later = [failure(12, 'expected text, got \u001b and "quotes"\n', '\u0000\n')]

  await writeFailures(processed(disk, 10, 20), later)
  await writeFailures(processed(disk, 0, 10), [failure(3), failure(7)])

  assert.deepEqual((await stored(disk)).found, [failure(3), failure(7), ...later])
})

test('messages that are processed again replace what was known of them alone', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  await writeFailures(processed(disk, 0, 10), [failure(1), failure(5), failure(9)])
  await writeFailures(processed(disk, 10, 20), [failure(11)])

  await writeFailures(processed(disk, 4, 8), [failure(5, 'another reason')])
  assert.deepEqual((await stored(disk)).offsets, [1, 9, 5, 11])
  await writeFailures(processed(disk, 0, 20), [])

  assert.deepEqual(disk.files, [])
})

test('after a power loss at any call, a repeated job leaves each failure once', async () => {
  const job = (files: FileLayer) => writeFailures(processed(files, 5, 15), [failure(8)])
  const diskOf = async (seed: number) => {
    const disk = new SimulatedDisk(seededRandom(seed))
    await writeFailures(processed(disk, 0, 10), [failure(2), failure(8)])
    return { disk, before: disk.calls }
  }
  const whole = await diskOf(0)
  await job(whole.disk)
  const calls = whole.disk.calls - whole.before
  assert.ok(calls > 10, String(calls))

  for (let call = 0; call < calls; call++) {
    const { disk, before } = await diskOf(call)
    disk.powerLostAt = before + call
    await assert.rejects(job(disk))
    const afterwards = disk.afterPowerLoss()
    const between = (await stored(afterwards)).offsets
    await job(afterwards)

    assert.ok(between.includes(2) && between.includes(8), `call ${call}: ${between}`)
    assert.deepEqual((await stored(afterwards)).offsets, [2, 8], `call ${call}`)
    assert.ok(afterwards.files.every((path) => path.startsWith(`${FOLDER}/0a1b2c3d`)))
  }
})

test('a full disk fails the job, and what was known stays', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  await writeFailures(processed(disk, 0, 10), [failure(2)])
  disk.capacityBytes = disk.bytes + 10

  await assert.rejects(writeFailures(processed(disk, 10, 20), [failure(12)]), {
    code: 'StorageFailed',
    message: /pipeline warm can’t be written .*: the disk is full/,
  })

  assert.deepEqual((await stored(disk)).offsets, [2])
})

test('files of a pipeline have a limit, and one job takes a quarter of it at most', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  const large = (offset: number) => failure(offset, 'x', 'x'.repeat(100_000))

  for (let first = 0; first < 100; first += 10) {
    const ten = Array.from({ length: 10 }, (_, i) => large(first + i))
    await writeFailures(processed(disk, first, first + 10), ten)
  }

  const { offsets, leftOut } = await stored(disk)
  assert.ok(disk.bytes <= 1024 * 1024, String(disk.bytes))
  assert.ok(disk.bytes > 700_000)
  assert.equal(leftOut, 9 * offsets.length)
  assert.ok(offsets.includes(90) && !offsets.includes(91) && !offsets.includes(0))
})

test('a damaged file is reported, and the others are read', async () => {
  const disk = new SimulatedDisk(seededRandom(1))
  await writeFailures(processed(disk, 0, 10), [failure(2)])
  await writeFailures(processed(disk, 10, 20), [failure(12)])
  const [first = ''] = disk.files
  disk.damage(first, 0, 0xff)

  const read: FailuresOfFile[] = []
  for await (const file of readFailures('/data', 'warm', disk)) read.push(file)

  assert.deepEqual(read[0], { path: first, problem: 'it is damaged' })
  assert.equal(read[1]?.problem, undefined)
})

test('a name that leads elsewhere is no pipeline', async () => {
  const disk = new SimulatedDisk(seededRandom(1))

  await assert.rejects(
    writeFailures({ ...processed(disk, 0, 1), pipeline: '../tables' }, [failure(0)]),
    RangeError,
  )
  assert.deepEqual(disk.files, [])
})
