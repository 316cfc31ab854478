/** The job `import`, as the worker process runs it: one batch. */
import * as z from 'zod'
import { withSession } from '../tables/jobs/session.ts'
import { tableLocation } from '../tables/table-location.ts'
import type { Job } from '../worker/job.ts'
import { type BatchResult, importBatch } from './import-batch.ts'

/** Progress is reported each time so much was read. */
const REPORTED_BYTES = 1_000_000

const named = { path: z.string(), bytes: z.number(), table: tableLocation }
const requestShape = z.strictObject({
  directory: z.string(),
  temporaryDirectory: z.string(),
  connectorId: z.string(),
  table: tableLocation,
  sources: z.array(
    z.discriminatedUnion('kind', [
      z.strictObject({
        ...named,
        kind: z.literal('archive'),
        day: z.string(),
        arrivedAt: z.number(),
      }),
      z.strictObject({ ...named, kind: z.literal('export'), day: z.string().optional() }),
    ]),
  ),
  columns: z.array(z.object({ name: z.string(), type: z.string() })).optional(),
  maxInflatedBytes: z.number().optional(),
})

export function run(request: unknown, { signal, emit }: Job): Promise<BatchResult> {
  const { sources, ...rest } = requestShape.parse(request)
  const withDays = sources.map((source) =>
    source.kind === 'export' ? { ...source, day: source.day } : source,
  )
  let waiting = 0
  const onBytes = async (bytes: number) => {
    signal.throwIfAborted()
    waiting += bytes
    if (waiting < REPORTED_BYTES) return
    await emit({ bytes: waiting })
    waiting = 0
  }
  return withSession(signal, async (connection) => {
    const result = await importBatch(connection, { ...rest, sources: withDays }, onBytes)
    await emit({ bytes: waiting })
    return result
  })
}
