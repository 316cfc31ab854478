/**
 * A datastore has what a plain model makes of the messages, however they are divided into jobs, and
 * after compactions and reprocessings. fast-check prints seed and path of a failing case.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { derive } from '../../src/analytics/datastores/jobs/derive.ts'
import { rewrite } from '../../src/analytics/datastores/jobs/rewrite.ts'
import { compact } from '../../src/analytics/tables/jobs/compact.ts'
import { listTable } from '../../src/analytics/tables/table-listing.ts'
import { chainOf, TABLE, withDerivations } from '../support/analytics/derivations.ts'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { fakeFunctions } from '../support/analytics/pipeline-resources.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 15)
const START = Date.parse('2026-11-29T23:59:50Z')

interface Reading {
  readonly temp?: number | string | null
  readonly copies: number
  readonly more?: unknown
}

const reading: fc.Arbitrary<Reading> = fc.record(
  {
    temp: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom('21', null, 20.5)),
    copies: fc.integer({ min: 0, max: 3 }),
    more: fc.jsonValue({ maxDepth: 2 }),
  },
  { requiredKeys: ['copies'] },
)
const payload = fc.oneof(
  { weight: 8, arbitrary: reading.map((one) => JSON.stringify(one)) },
  { weight: 1, arbitrary: fc.constantFrom('', '[1]', '{"copies":', '7') },
)
const message = fc.record({
  payload,
  at: fc.integer({ min: 0, max: 20_000 }).map((ms) => START + ms),
})
const split = fc.integer({ min: 1, max: 12 })

/** Each object as often as it says. */
const functions = fakeFunctions({
  copy: (event) =>
    event.flatMap((one) => {
      const { copies } = Object(one)
      return Array.from({ length: Number(copies) }, () => one)
    }),
})
const activities = [
  { filter: { name: 'known', filter: 'temp IS NOT NULL' } },
  { lambda: { name: 'copy', lambdaName: 'copy', batchSize: 1 } },
  { removeAttributes: { name: 'less', attributes: ['more'] } },
]
const everything = [{ removeAttributes: { name: 'less', attributes: ['nothing'] } }]

/** As `activities` has it, without any of the code that is tested. */
function expectedOf(payloads: readonly string[]): [string, number, string][] {
  return payloads.flatMap((text, offset) => {
    const reading = objectIn(text)
    if (reading?.temp === undefined || reading.temp === null) return []
    const { more: _, ...kept } = reading
    return Array.from({ length: reading.copies }, (_, part): [string, number, string] => [
      `${offset}`,
      part,
      JSON.stringify(kept),
    ])
  })
}

function objectIn(text: string): Reading | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && !Array.isArray(value) ? (value as Reading) : undefined
  } catch {
    return undefined
  }
}

test('a datastore has what a plain model makes of the messages, however they are divided', {
  skip: WITHOUT_DUCKDB,
}, async (t) => {
  const arbitrary = fc.record({
    messages: fc.array(message, { minLength: 1, maxLength: 40 }),
    splits: fc.array(split, { minLength: 1, maxLength: 6 }),
    mayCompact: fc.boolean(),
    isWrongFirst: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ messages, splits, mayCompact, isWrongFirst }) => {
      const sorted = [...messages].sort((left, right) => left.at - right.at)
      const expected = expectedOf(sorted.map((one) => one.payload))
      const resources = { functions }
      await withDerivations(
        t,
        sorted,
        async ({ directory, derivation, tools, rows, paths }) => {
          const first = isWrongFirst ? everything : activities
          let turn = 0
          for (let from = 0; from < sorted.length; ) {
            const to = Math.min(sorted.length, from + (splits[turn++ % splits.length] ?? 1))
            const asked = derivation(from, to, { activities: chainOf(first) })
            from = (await derive(asked, tools(first))).to
          }
          if (mayCompact) await compactAll(directory, tools([]).connection)
          const { files } = await listTable(directory, TABLE)
          let end = 0
          for (const file of isWrongFirst ? files : []) {
            // Messages between files are derived; those of a file replace it.
            if (file.first > end) await derive(derivation(end, file.first), tools(activities), {})
            await rewrite(derivation(file.first, file.end), file.path, tools(activities), {})
            end = file.end
          }
          const isEmpty = (await paths()).length === 0
          const found = isEmpty ? [] : await rows('"offset", part, decode(payload)')
          assert.deepEqual(found, expected)
        },
        resources,
      )
    }),
    { numRuns: RUNS },
  )
})

async function compactAll(
  directory: string,
  connection: Parameters<typeof compact>[0],
): Promise<void> {
  const { files } = await listTable(directory, TABLE)
  for (const day of new Set(files.map((file) => file.day))) {
    const paths = files.filter((file) => file.day === day).map(({ path }) => path)
    if (paths.length < 2) continue
    await compact(connection, { directory, table: TABLE, connectorId: 'c1', paths })
  }
}
