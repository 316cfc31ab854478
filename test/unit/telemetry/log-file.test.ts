import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { LogFile, problemOfLogFile } from '../../../src/telemetry/log/log-file.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'
import { until } from '../../support/until.ts'

const MAX_BYTES = 64 * 1024

async function opened(t: TestContext, keep = 2) {
  const directory = join(await temporaryDirectory(t), 'log')
  await mkdir(directory)
  const path = join(directory, 'connector.log')
  const file = new LogFile({ path, maxBytes: MAX_BYTES, keep })
  await file.open()
  t.after(() => file.close())
  return { file, path, directory }
}

function line(n: number): string {
  return `${JSON.stringify({ n, padding: 'x'.repeat(80) })}\n`
}

/** The lines of a file, parsed: every line is whole. */
async function linesOf(path: string): Promise<{ n?: number; lost?: number }[]> {
  const text = await readFile(path, 'utf8')
  assert.ok(text === '' || text.endsWith('\n'))
  return text
    .split('\n')
    .filter(Boolean)
    .map((one) => JSON.parse(one))
}

async function writeInPieces(file: LogFile, path: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    file.write(line(n))
    if (n % 500 === 499) await until('the lines are in the file', () => isWritten(path, n))
  }
}

/** While the file is written to, and perhaps moved. */
async function isWritten(path: string, n: number): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.endsWith(line(n))
}

test('the file becomes an older one when it is full, and the oldest is removed', async (t) => {
  const { file, path, directory } = await opened(t)

  await writeInPieces(file, path, 5_000)
  await file.close()

  assert.deepEqual((await readdir(directory)).sort(), [
    'connector.log',
    'connector.log.1',
    'connector.log.2',
  ])
  const all: number[] = []
  for (const name of ['connector.log.2', 'connector.log.1', 'connector.log']) {
    assert.ok((await stat(join(directory, name))).size <= MAX_BYTES, name)
    all.push(...(await linesOf(join(directory, name))).map(({ n }) => Number(n)))
  }
  const first = 5_000 - all.length
  assert.deepEqual(
    all,
    all.map((_, index) => first + index),
  )
})

test('without older files, the full one is removed', async (t) => {
  const { file, path, directory } = await opened(t, 0)

  await writeInPieces(file, path, 2_000)
  await file.close()

  assert.deepEqual(await readdir(directory), ['connector.log'])
  assert.equal((await linesOf(path)).at(-1)?.n, 1_999)
})

test('a start goes on with the file that is there', async (t) => {
  const { file, path } = await opened(t)
  file.write(line(1))
  await file.close()

  const next = new LogFile({ path, maxBytes: MAX_BYTES, keep: 2 })
  await next.open()
  next.write(line(2))
  await next.close()

  assert.deepEqual(
    (await linesOf(path)).map(({ n }) => n),
    [1, 2],
  )
})

test('after another program has moved the file, it is opened again on request', async (t) => {
  const { file, path } = await opened(t)
  file.write(line(1))
  await until('the line is written', () => isWritten(path, 1))

  await rename(path, `${path}.moved`)
  file.reopen()
  file.write(line(2))
  await file.close()

  assert.deepEqual(
    (await linesOf(`${path}.moved`)).map(({ n }) => n),
    [1],
  )
  assert.deepEqual(
    (await linesOf(path)).map(({ n }) => n),
    [2],
  )
})

test('lines that cannot be written are counted, and the first line that can be says how many', async (t) => {
  const { file, path, directory } = await opened(t)
  await rename(directory, `${directory}.away`)
  file.reopen()
  file.write(line(1))
  file.write(line(2))
  await rm(`${directory}.away`, { recursive: true })

  await until('the lines are given up, and a later one is written', async () => {
    await mkdir(directory, { recursive: true })
    file.write(line(3))
    return (await stat(path).catch(() => undefined)) !== undefined
  })
  await file.close()

  const [first, second] = await linesOf(path)
  assert.ok(Number(first?.lost) >= 2, JSON.stringify(first))
  assert.equal(second?.n, 3)
})

test('lines that come faster than the disk takes them are bounded, and those without room counted', async (t) => {
  const { file, directory } = await opened(t, 50)

  for (let n = 0; n < 20_000; n += 1) file.write(line(n))
  await until('the waiting lines are written', async () => {
    file.write(line(20_000))
    return isWritten(join(directory, 'connector.log'), 20_000)
  })
  await file.close()

  const names = await readdir(directory)
  const lines = (await Promise.all(names.map((name) => linesOf(join(directory, name))))).flat()
  const lost = lines.reduce((sum, entry) => sum + (entry.lost ?? 0), 0)
  const written = new Set(lines.flatMap(({ n }) => (n === undefined || n === 20_000 ? [] : [n])))
  assert.ok(written.size > 5_000 && written.size < 12_000, String(written.size))
  assert.ok(lost >= 20_000 - written.size, String(lost))
})

test('a path that cannot be a log is refused before it is opened', async (t) => {
  const directory = await temporaryDirectory(t)
  const pipe = join(directory, 'pipe')
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0)
  const about = (path: string) => problemOfLogFile({ path, maxBytes: MAX_BYTES, keep: 1 })

  const ofPipe = await about(pipe)
  const ofDirectory = await about(directory)
  const missing = new LogFile({
    path: join(directory, 'no', 'x.log'),
    maxBytes: MAX_BYTES,
    keep: 1,
  })

  assert.match(String(ofPipe?.message), /^log\.file\.path: expected a file .* it is not a file$/)
  assert.match(String(ofDirectory?.message), /it is not a file$/)
  await assert.rejects(missing.open(), { code: 'InvalidConfiguration', message: /ENOENT/ })
})
