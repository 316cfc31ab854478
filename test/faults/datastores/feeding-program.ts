/**
 * Runs a pipeline on a channel's rows, compacts the files, and runs a corrected pipeline on all of
 * them again, until nothing is left to do. It may kill itself at a call that changes the file system:
 *
 *     node feeding-program.js DIRECTORY SEED [CALL]
 */

import { Feed } from '../../../src/analytics/datastores/feed.ts'
import { run as derive } from '../../../src/analytics/datastores/jobs/derive-job.ts'
import { DatastoreKeeping } from '../../../src/analytics/datastores/keeping.ts'
import { datastoreDefinition } from '../../../src/analytics/resources/datastore-definition.ts'
import { storedRows } from '../../../src/analytics/rows/stored-range.ts'
import { run as compact } from '../../../src/analytics/tables/jobs/compact-job.ts'
import { systemClock } from '../../../src/clock.ts'
import { silentObserver } from '../../../src/observer.ts'
import { CHANNEL, chainOf } from '../../support/analytics/derivations.ts'
import { Random } from '../../support/random.ts'
import { killAtCall } from '../kill-at-call.ts'

const HOUR_MS = 3_600_000
const [directory = '', seed, call] = process.argv.slice(2)
const random = new Random(Number(seed))
const stored = await storedRows(directory, CHANNEL)
if (stored === undefined) throw new Error('expected a channel with messages')
const { logId, end } = stored
let committed = 0

/** At first a third of the messages is missing. */
const WRONG = chainOf([{ filter: { name: 'some', filter: 'kind <> 0' } }])
const RIGHT = chainOf([{ math: { name: 'mark', attribute: 'v', math: '1 + 1' } }])
const definition = datastoreDefinition.parse({})
const { signal } = new AbortController()
const clock = { ...systemClock, now: () => Date.now() + 24 * HOUR_MS }
const options = {
  directory,
  clock,
  connectorId: 'c1',
  longestQueryMs: 60_000,
  maxBytes: Number.MAX_SAFE_INTEGER,
  intervalMs: 0,
  observer: silentObserver,
  settings: { functions: {}, maxFailureBytes: 1_000_000 },
  datastore: () => definition,
  noRoom: async () => undefined,
  random: () => 0.5,
  log: () => ({ logId, committed, start: 0, offsetAt: async () => 0 }),
  jobs: {
    run: (job: string, request: unknown) =>
      (job === 'derive' ? derive : compact)(request, { signal, emit: async () => {} }),
  },
}
let activities = WRONG
const feed = new Feed(options, () => ({
  name: 'clean',
  createdAt: 1,
  definition: { pipelineActivities: activities },
}))
const keeping = new DatastoreKeeping(options)

killAtCall(Number(call ?? Number.POSITIVE_INFINITY))
process.send?.('ready')
await feed.reprocessings.open()
if (feed.reprocessings.list.length > 0) activities = RIGHT
while (await step());
process.send?.('done')
process.disconnect?.()

/** False if nothing is left to do. */
async function step(): Promise<boolean> {
  if (random.isOneIn(4)) await keeping.keep(signal)
  const offset = await feed.offset()
  if (offset < end) {
    committed = Math.min(end, offset + 1 + random.below(400))
    await feed.advance()
    return true
  }
  committed = end
  if (feed.reprocessings.list.length === 0) {
    await feed.startReprocessing('again', { from: undefined, until: undefined })
    activities = RIGHT
  }
  if (feed.mayReprocess) {
    await feed.reprocess()
    return true
  }
  await keeping.keep(signal)
  return false
}
