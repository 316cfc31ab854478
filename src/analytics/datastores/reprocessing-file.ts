/** The reprocessings of a pipeline, `pipelines/<pipeline>/reprocessings.json`: the newest first. */
import * as z from 'zod'
import { readPipelineFile, writePipelineFile } from './json-file.ts'

/** More are forgotten, the oldest first. */
const MOST_RUNS = 100

const run = z.strictObject({
  id: z.string(),
  status: z.enum(['RUNNING', 'SUCCEEDED', 'CANCELLED', 'FAILED']),
  createdAt: z.number(),
  /** Of arrival, milliseconds since 1970; without bounds all messages. */
  from: z.number().optional(),
  /** Not included. */
  until: z.number().optional(),
  logId: z.string(),
  /** Messages below have been processed again. */
  at: z.int().min(0),
  /** What arrived later passes the pipeline anyway. */
  to: z.int().min(0),
  /** Why it failed. */
  reason: z.string().optional(),
})

const file = z.strictObject({
  /** Of the pipeline: another one may have had the name before. */
  createdAt: z.number(),
  runs: z.array(run),
})

export type ReprocessingRun = z.output<typeof run>

const FILE = { name: 'reprocessings.json', schema: file }

export async function readReprocessings(
  directory: string,
  pipeline: string,
  createdAt: number,
): Promise<readonly ReprocessingRun[]> {
  const found = await readPipelineFile({ ...FILE, directory, pipeline })
  return found?.createdAt === createdAt ? found.runs : []
}

/** @throws {ConnectorError} StorageFailed */
export function writeReprocessings(
  directory: string,
  pipeline: string,
  createdAt: number,
  runs: readonly ReprocessingRun[],
): Promise<void> {
  const kept = runs.slice(0, MOST_RUNS)
  return writePipelineFile({ ...FILE, directory, pipeline }, { createdAt, runs: kept })
}
