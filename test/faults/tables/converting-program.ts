/**
 * Converts a channel's rows, compacts its files and removes what is superseded, until nothing is left
 * to do. It may kill itself at a call that changes the file system:
 *
 *     node converting-program.js DIRECTORY CHANNEL SEED [CALL]
 */
import { storedRows } from '../../../src/analytics/rows/stored-range.ts'
import { run as compact } from '../../../src/analytics/tables/jobs/compact-job.ts'
import { run as convert } from '../../../src/analytics/tables/jobs/convert-job.ts'
import { TableKeeping } from '../../../src/analytics/tables/table-keeping.ts'
import {
  coverageOf,
  type ListedFile,
  listTable,
} from '../../../src/analytics/tables/table-listing.ts'
import { channelTable } from '../../../src/analytics/tables/table-location.ts'
import { systemClock } from '../../../src/clock.ts'
import { Random } from '../../support/random.ts'
import { killAtCall } from '../kill-at-call.ts'

const HOUR_MS = 3_600_000
const [directory = '', channel = '', seed, call] = process.argv.slice(2)
const random = new Random(Number(seed))
const connectorId = 'c1'
const table = channelTable(channel)
const job = { signal: new AbortController().signal, emit: async () => {} }
/** No query is running, so nothing has to wait. */
const keeping = new TableKeeping({
  directory,
  clock: { ...systemClock, now: () => Date.now() + HOUR_MS },
  longestQueryMs: 0,
})

killAtCall(Number(call ?? Number.POSITIVE_INFINITY))
process.send?.('ready')
while (await step());
process.send?.('done')
process.disconnect?.()

/** False if nothing is left to do. */
async function step(): Promise<boolean> {
  await keeping.keep(table, '2000-01-01')
  const stored = await storedRows(directory, channel)
  const { files } = await listTable(directory, table)
  if (stored === undefined) return false
  const { logId } = stored
  const from = coverageOf(files, logId).end
  const pair = files.findIndex((file, at) => isPair(file, files[at + 1]))
  const mayCompact = pair >= 0 && (from === stored.end || random.isOneIn(2))
  if (mayCompact) {
    const paths = files.slice(pair, pair + 2).map(({ path }) => path)
    await compact({ directory, table, connectorId, paths }, job)
    return true
  }
  if (from === stored.end) return false
  const to = Math.min(stored.end, from + 1 + random.below(400))
  await convert({ directory, channel, connectorId, logId, from, to }, job)
  return true
}

function isPair(file: ListedFile, next: ListedFile | undefined): boolean {
  return next?.day === file.day && next.logId === file.logId
}
