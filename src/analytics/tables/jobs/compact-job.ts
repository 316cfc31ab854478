/** The job `compact`, as the worker process runs it. */
import * as z from 'zod'
import type { Job } from '../../worker/job.ts'
import { tableLocation } from '../table-location.ts'
import { compact } from './compact.ts'
import type { ConversionResult } from './convert.ts'
import { withSession } from './session.ts'

const requestShape = z.strictObject({
  directory: z.string(),
  table: tableLocation,
  connectorId: z.string(),
  paths: z.array(z.string()).min(2),
})

export function run(request: unknown, { signal }: Job): Promise<Omit<ConversionResult, 'to'>> {
  const compaction = requestShape.parse(request)
  return withSession(signal, (connection) => compact(connection, compaction))
}
