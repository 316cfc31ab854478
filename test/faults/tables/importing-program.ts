/**
 * Imports all files below a directory. It may kill itself at a call that changes the file system:
 *
 *     node importing-program.js DIRECTORY FILES SEED [CALL]
 *
 * Nothing here is left to chance, so the seed is not used.
 */
import { join } from 'node:path'
import { batchesOf } from '../../../src/analytics/imports/batches.ts'
import { findSources } from '../../../src/analytics/imports/find-sources.ts'
import { run } from '../../../src/analytics/imports/import-job.ts'
import { killAtCall } from '../kill-at-call.ts'

const [directory = '', files = '', , call] = process.argv.slice(2)
const job = { signal: new AbortController().signal, emit: async () => {} }
const common = {
  directory,
  temporaryDirectory: join(directory, 'temporary'),
  connectorId: 'c1',
}

killAtCall(Number(call ?? Number.POSITIVE_INFINITY))
process.send?.('ready')
const { sources } = await findSources([files], { into: undefined, day: undefined })
for (const { table, sources: some } of batchesOf(sources)) {
  await run({ ...common, table, sources: some }, job)
}
process.send?.('done')
process.disconnect?.()
