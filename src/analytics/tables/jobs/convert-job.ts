/** The job `convert`, as the worker process runs it. */
import * as z from 'zod'
import { registerStoredRows } from '../../rows/row-scan.ts'
import { storedRows } from '../../rows/stored-range.ts'
import type { Job } from '../../worker/job.ts'
import { type ConversionResult, convert } from './convert.ts'
import { withSession } from './session.ts'

const offset = z.int().min(0)
const requestShape = z.strictObject({
  directory: z.string(),
  channel: z.string(),
  connectorId: z.string(),
  logId: z.string(),
  from: offset,
  to: offset,
})

/** What became of the rows that were asked for. */
export interface ConvertedRows extends ConversionResult {
  /** Rows that were not stored any more. */
  readonly gapRows: number
}

export async function run(request: unknown, { signal }: Job): Promise<ConvertedRows> {
  const conversion = requestShape.parse(request)
  const { directory, channel, logId, to } = conversion
  const stored = await storedRows(directory, channel, () => conversion.from)
  const isSameLog = stored?.logId === logId
  // Rows from before the first one were removed to make room; nothing has to be read to know that.
  const from = isSameLog ? Math.max(conversion.from, stored.first) : to
  const result = from < to ? await convertRows({ ...conversion, from }, signal) : NOTHING
  return { ...result, gapRows: to - conversion.from - result.rows }
}

const NOTHING: ConversionResult = { rows: 0, files: 0, bytes: 0, payloadBytes: 0, drifted: 0 }

function convertRows(
  conversion: z.infer<typeof requestShape>,
  signal: AbortSignal,
): Promise<ConversionResult> {
  return withSession(signal, async (connection) => {
    const closeRows = await registerStoredRows(connection, conversion.directory)
    try {
      return await convert(connection, conversion)
    } finally {
      closeRows()
    }
  })
}
