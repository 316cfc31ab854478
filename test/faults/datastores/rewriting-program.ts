/**
 * Makes a large file of a datastore again, in parts, and may kill itself at a call that changes the
 * file system:
 *
 *     node rewriting-program.js DIRECTORY LOG-ID TIME [CALL]
 */
import type { Derivation } from '../../../src/analytics/datastores/jobs/derivation.ts'
import { rewrite } from '../../../src/analytics/datastores/jobs/rewrite.ts'
import { makePipeline } from '../../../src/analytics/pipelines/pipeline.ts'
import { withSession } from '../../../src/analytics/tables/jobs/session.ts'
import { listTable } from '../../../src/analytics/tables/table-listing.ts'
import { CHANNEL, chainOf, TABLE } from '../../support/analytics/derivations.ts'
import { ENLARGE, enlarging, LARGE_MESSAGES } from '../../support/analytics/large-rewrite.ts'
import { killAtCall } from '../kill-at-call.ts'

const [directory = '', logId = '', time, call] = process.argv.slice(2)
const { signal } = new AbortController()
const activities = chainOf([ENLARGE])
const derivation: Derivation = {
  directory,
  logId,
  activities,
  connectorId: 'c1',
  channel: CHANNEL,
  from: 0,
  to: LARGE_MESSAGES,
  datastore: 'readings',
  pipeline: 'clean',
}
const definition = { pipelineName: 'clean', pipelineActivities: activities }
const pipeline = makePipeline(definition, { functions: enlarging(Number(time)) })
const { files } = await listTable(directory, TABLE)

await withSession(signal, (connection) => {
  killAtCall(Number(call ?? Number.POSITIVE_INFINITY))
  const tools = { connection, signal, pipeline, keepFailures: async () => {} }
  return rewrite(derivation, files[0]?.path ?? '', tools, {})
})
process.send?.('done')
process.disconnect?.()
