/** An import into a disk that is full. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { listTable } from '../../src/analytics/tables/table-listing.ts'
import { writeArchive } from '../support/analytics/import-files.ts'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { SmallFileSystem } from '../support/disk/small-file-system.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const NOON = Date.UTC(2026, 9, 15, 12)
const DAY_MS = 86_400_000
const MIB = 1024 * 1024
const DAYS = 4
const ROWS = 40

test('on a full disk the import says so and leaves whole files; with room, the same command goes on', {
  skip: WITHOUT_DUCKDB || (SmallFileSystem.obstacle() ?? false),
}, async (t) => {
  const disk = await SmallFileSystem.mount(4 * MIB)
  t.after(() => disk.unmount())
  const data = join(disk.directory, 'data')
  mkdirSync(join(data, 'channels'), { recursive: true })
  const files = await temporaryDirectory(t)
  for (let day = 0; day < DAYS; day++) {
    // Text that does not compress: some 1.6 MB a day.
    const text = () => randomBytes(20_000).toString('base64')
    const lines = Array.from({ length: ROWS }, (_, n) => JSON.stringify({ n, text: text() }))
    writeArchive(files, { channel: 'press', at: NOON + day * DAY_MS, lines })
  }

  const full = await runCommand(t, ['import', files, '--data', data])
  const { files: whole, hidden } = await listTable(data, 'tables/press')
  const temporary = readdirSync(data).includes('imports')
  disk.remount(`size=${64 * MIB}`)
  const rest = await runCommand(t, ['import', files, '--data', data, '--json'])

  assert.equal(full.code, 1)
  assert.match(full.stderr, /error: the disk has no room for the imported rows.*Free space on it/)
  assert.ok(whole.length > 0 && whole.length < DAYS, `${whole.length} files`)
  assert.ok(hidden.length <= 1 && !temporary)
  assert.equal(rest.code, 0, rest.stderr)
  const [{ imported, known, rows }] = JSON.parse(rest.stdout).tables
  assert.deepEqual([imported, known], [DAYS - whole.length, whole.length])
  assert.equal(rows, (DAYS - whole.length) * ROWS)
  assert.equal((await listTable(data, 'tables/press')).files.length, DAYS)
})
