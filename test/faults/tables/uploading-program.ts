/**
 * Converts a channel's rows, compacts its files and uploads those of days that are over, in any
 * order, until all are uploaded. It may kill itself at a call that changes the file system:
 *
 *     node uploading-program.js DIRECTORY CHANNEL ENDPOINT BUCKET SEED [CALL]
 */
import { storedRows } from '../../../src/analytics/rows/stored-range.ts'
import { TableConverter } from '../../../src/analytics/tables/converter.ts'
import { run as compact } from '../../../src/analytics/tables/jobs/compact-job.ts'
import { run as convert } from '../../../src/analytics/tables/jobs/convert-job.ts'
import { coverageOf, listTable } from '../../../src/analytics/tables/table-listing.ts'
import { channelTable } from '../../../src/analytics/tables/table-location.ts'
import { uploadOptions } from '../../../src/analytics/uploads/options.ts'
import { TableUploads } from '../../../src/analytics/uploads/table-uploads.ts'
import { systemClock } from '../../../src/clock.ts'
import { silentObserver } from '../../../src/observer.ts'
import { Random } from '../../support/random.ts'
import { MOTO_CREDENTIALS, MOTO_REGION } from '../../support/servers/moto.ts'
import { killAtCall } from '../kill-at-call.ts'

const HOUR_MS = 3_600_000
const [directory = '', channel = '', endpoint = '', bucket = '', seed, call] = process.argv.slice(2)
const random = new Random(Number(seed))
const table = channelTable(channel)
const job = { signal: new AbortController().signal, emit: async () => {} }
/** The days of the rows are over, and each check looks after the files. */
let hours = 0
const clock = {
  ...systemClock,
  monotonic: () => ++hours * HOUR_MS,
}
const shared = { directory, connectorId: 'c1', observer: silentObserver, random: () => 0 }
const uploads = new TableUploads({
  ...shared,
  clock: systemClock,
  options: uploadOptions.parse({
    bucket,
    endpoint,
    region: MOTO_REGION,
    credentials: MOTO_CREDENTIALS,
    maxAttempts: 1,
  }),
  place: 'upload',
})
let logId = ''
const converter = new TableConverter({
  ...shared,
  clock,
  retention: { retentionMs: Date.now(), maxBytes: Number.MAX_SAFE_INTEGER },
  // Rows are converted by the steps below.
  logs: () => [{ channel, logId, committed: 0 }],
  longestQueryMs: 0,
  noRoom: async () => undefined,
  jobs: { run: (_job, request) => compact(request, job) },
  uploads,
})

killAtCall(Number(call ?? Number.POSITIVE_INFINITY))
process.send?.('ready')
while (await step());
await uploads.close()
process.send?.('done')
process.disconnect?.()

/** False if nothing is left to do. */
async function step(): Promise<boolean> {
  const stored = await storedRows(directory, channel)
  const { files } = await listTable(directory, table)
  if (stored === undefined) return false
  logId = stored.logId
  const from = coverageOf(files, logId).end
  const isConverted = from === stored.end
  const kind = random.below(4)
  if (!isConverted && kind < 2) {
    const to = Math.min(stored.end, from + 1 + random.below(200))
    await convert({ directory, channel, connectorId: 'c1', logId, from, to }, job)
  } else if (kind === 2 || isConverted) await converter.check()
  if (kind !== 3 && !isConverted) return true
  await uploads.check()
  const offered = await uploads.fixedIn(table)
  const isUploaded = uploads.firstWaitingDay(table) === undefined
  return !(isConverted && isUploaded && files.every(({ path }) => offered.has(path)))
}
