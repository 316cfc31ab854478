/** A file that is made again in parts, because its rows need more memory than there is for them. */
import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { DerivationTools } from '../../../../src/analytics/datastores/jobs/derive.ts'
import { derive } from '../../../../src/analytics/datastores/jobs/derive.ts'
import { rewrite } from '../../../../src/analytics/datastores/jobs/rewrite.ts'
import { readCatalogue } from '../../../../src/analytics/tables/catalogue.ts'
import { fileSum } from '../../../../src/analytics/tables/file-sum.ts'
import { listTable } from '../../../../src/analytics/tables/table-listing.ts'
import { tableDirectory } from '../../../../src/analytics/tables/table-location.ts'
import { TABLE, withDerivations } from '../../../support/analytics/derivations.ts'
import {
  ENLARGE,
  enlarging,
  IS_FILLED,
  LARGE_MESSAGES,
  largeMessages,
  START,
} from '../../../support/analytics/large-rewrite.ts'
import { WITHOUT_DUCKDB } from '../../../support/analytics/opened-instance.ts'

const skip = WITHOUT_DUCKDB
const FILTER = { filter: { name: 'some', filter: 'n < 5990 OR n > 5992' } }

test('a file that is made again in parts has every row once, and the parts are gone', {
  skip,
}, async (t) => {
  const functions = enlarging(1)
  await withDerivations(
    t,
    largeMessages(),
    async ({ derivation, tools, rows, paths, directory }) => {
      const whole = derivation(0, LARGE_MESSAGES)
      await derive(whole, tools([]))
      const [path = ''] = await paths()
      let parts: readonly string[] = []
      let before: unknown[][] = []
      const enlarged: DerivationTools = {
        ...tools([ENLARGE, FILTER]),
        keepFailures: async () => {
          const { hidden } = await listTable(directory, TABLE)
          parts = hidden.filter((name) => name.startsWith('.part-'))
          before = await rows('seen')
        },
      }

      const result = await rewrite(whole, path, enlarged, { from: START + 10 })

      assert.deepEqual(parts, ['.part-0.parquet'])
      assert.equal(before.length, LARGE_MESSAGES, 'until the end, the file is the former one')
      assert.ok(before.every(([seen]) => seen === '0'))
      assert.deepEqual(
        [result.to, result.messages, result.rows, result.dropped, result.gap],
        [LARGE_MESSAGES, LARGE_MESSAGES - 10, LARGE_MESSAGES - 13, 3, 0],
      )
      assert.deepEqual(await paths(), [path])
      const found = await rows(`"offset"::INTEGER, seen::INTEGER, ${IS_FILLED}`)
      const expected = Array.from({ length: LARGE_MESSAGES }, (_, n) =>
        n < 10 ? [n, 0, false] : [n, 1, true],
      ).filter(([n]) => Number(n) < 5990 || Number(n) > 5992)
      assert.deepEqual(found, expected)
      const { hidden, unknown } = await listTable(directory, TABLE)
      assert.deepEqual([hidden, unknown], [[], []])
      const catalogue = await readCatalogue(directory, TABLE)
      assert.ok(catalogue !== undefined && catalogue !== 'damaged')
      const { crc32 } = await fileSum(join(tableDirectory(directory, TABLE), path))
      assert.equal(catalogue.files.get(path)?.crc32, crc32)
    },
    { functions },
  )
})

test('a file that the medium has changed is not made again, and stays as it is', {
  skip,
}, async (t) => {
  const messages = [{ payload: '{"n":1}' }, { payload: '{"n":2}' }]
  await withDerivations(t, messages, async ({ derivation, tools, paths, directory }) => {
    await derive(derivation(0, 2), tools([]))
    const [path = ''] = await paths()
    const whole = join(tableDirectory(directory, TABLE), path)
    const bytes = await readFile(whole)
    bytes[40] = (bytes[40] ?? 0) ^ 1
    await chmod(whole, 0o644)
    await writeFile(whole, bytes)

    await assert.rejects(rewrite(derivation(0, 1), path, tools([]), {}), {
      code: 'DataDamaged',
      message: /expected the checksum [0-9a-f]{8} of .*: the medium has changed it/,
    })

    assert.deepEqual(await readFile(whole), bytes)
    assert.deepEqual(await paths(), [path])
  })
})
