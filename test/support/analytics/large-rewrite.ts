/** A file of a datastore that is too large to be made again in memory at once. */
import type { PipelineActivity } from '../../../src/analytics/resources/pipeline-activity.ts'
import type { SentMessage } from './derivations.ts'
import { fakeFunctions } from './pipeline-resources.ts'

/** Three batches of messages; the results of two fill a part. */
export const LARGE_MESSAGES = 6_000
const FILL_BYTES = 12_500
/** The rows are of one day. */
export const START = Date.parse('2026-11-29T12:00:00Z')

export function largeMessages(): SentMessage[] {
  return Array.from({ length: LARGE_MESSAGES }, (_, n) => {
    return { payload: JSON.stringify({ n, seen: 0, fill: '' }), at: START + n }
  })
}

export const ENLARGE: PipelineActivity = {
  lambda: { name: 'l', lambdaName: 'enlarge', batchSize: 1_000 },
}

/** Fills messages up, and says which time it is. */
export function enlarging(time: number) {
  return fakeFunctions({
    enlarge: (event) =>
      event.map((message) => {
        const { n } = message as { readonly n: number }
        const fill = String(n % 10).repeat(FILL_BYTES)
        return { n, seen: time, fill }
      }),
  })
}

/** What SQL says of a filled row that is as it must be. */
export const IS_FILLED = `n = "offset" AND fill = repeat((n % 10)::VARCHAR, ${FILL_BYTES})`
