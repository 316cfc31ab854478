/** A process that makes a large file of a datastore again is killed, at one call after the other. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { derive } from '../../../src/analytics/datastores/jobs/derive.ts'
import { readCatalogue } from '../../../src/analytics/tables/catalogue.ts'
import { fileSum } from '../../../src/analytics/tables/file-sum.ts'
import { listTable } from '../../../src/analytics/tables/table-listing.ts'
import { tableDirectory } from '../../../src/analytics/tables/table-location.ts'
import { TABLE, withDerivations } from '../../support/analytics/derivations.ts'
import { IS_FILLED, LARGE_MESSAGES, largeMessages } from '../../support/analytics/large-rewrite.ts'
import { WITHOUT_DUCKDB } from '../../support/analytics/opened-instance.ts'

const skip = WITHOUT_DUCKDB
const PROGRAM = join(import.meta.dirname, 'rewriting-program.js')
/** More than a rewrite makes. */
const MOST_CALLS = 60

/** True if it had ended before it came to the call. */
async function rewriteUntil(t: TestContext, args: readonly string[]): Promise<boolean> {
  const child = fork(PROGRAM, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.after(() => child.kill('SIGKILL'))
  let isDone = false
  child.on('message', () => {
    isDone = true
  })
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('exit', (...how) => resolve(how))
  })
  assert.ok(code === 0 || signal === 'SIGKILL', `it ended with ${code ?? signal}`)
  return isDone
}

test('wherever the rewriting of a large file is killed, the file is the former one or the new one', {
  skip,
  timeout: 600_000,
}, async (t) => {
  await withDerivations(t, largeMessages(), async ({ derivation, tools, rows, directory }) => {
    const whole = derivation(0, LARGE_MESSAGES)
    await derive(whole, tools([]))
    const hiddenAfter = new Set<string>()
    let seenBefore = 0

    let call = 1
    for (; !(await rewriteUntil(t, [directory, whole.logId, `${call}`, `${call}`])); call++) {
      assert.ok(call < MOST_CALLS, 'it never ends')
      const { files, hidden, unknown } = await listTable(directory, TABLE)
      for (const name of hidden) hiddenAfter.add(name)
      assert.deepEqual([files.length, unknown], [1, []], `after call ${call}`)
      const path = files[0]?.path ?? ''
      const catalogue = await readCatalogue(directory, TABLE)
      assert.ok(catalogue !== undefined && catalogue !== 'damaged', `after call ${call}`)
      const { crc32, formerCrc32 } = catalogue.files.get(path) ?? {}
      const found = await fileSum(join(tableDirectory(directory, TABLE), path))
      assert.ok([crc32, formerCrc32].includes(found.crc32), `after call ${call}`)
      const [[count, least, most, faults] = []] = await rows(
        `count(DISTINCT "offset")::INTEGER, min(seen)::INTEGER, max(seen)::INTEGER,
         count(*) FILTER (seen > 0 AND NOT (${IS_FILLED}))::INTEGER`,
        '',
      )
      assert.deepEqual([count, faults], [LARGE_MESSAGES, 0], `after call ${call}`)
      assert.equal(least, most, 'rows of one time alone')
      assert.ok(most === seenBefore || most === call, `${most} after call ${call}`)
      seenBefore = Number(most)
    }

    const { hidden } = await listTable(directory, TABLE)
    t.diagnostic(`${call - 1} kills`)
    assert.ok(hiddenAfter.has('.part-0.parquet'), 'some kills were between the parts')
    assert.deepEqual(hidden, [])
    const [[least, most] = []] = await rows('min(seen)::INTEGER, max(seen)::INTEGER', '')
    assert.deepEqual([least, most], [call, call])
  })
})
