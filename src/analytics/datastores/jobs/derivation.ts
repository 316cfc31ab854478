/** What every job that runs a pipeline on stored messages is asked with. */
import * as z from 'zod'
import { pipelineActivities } from '../../resources/pipeline-definition.ts'
import { datastoreTable, type TableLocation } from '../../tables/table-location.ts'

const offset = z.int().min(0)

export const derivationShape = z.strictObject({
  /** The data directory. */
  directory: z.string(),
  connectorId: z.string(),
  channel: z.string(),
  logId: z.string(),
  from: offset,
  to: offset,
  datastore: z.string(),
  pipeline: z.string(),
  activities: pipelineActivities,
  /** Of a Parquet datastore, with types of DuckDB. */
  columns: z.array(z.strictObject({ name: z.string(), type: z.string() })).optional(),
})

export type Derivation = z.output<typeof derivationShape>

/** Messages that an activity could not process. They are kept. */
export interface FailedByActivity {
  readonly activity: string
  /** The function, if it is that of a `lambda` activity. */
  readonly lambdaName: string | undefined
  readonly count: number
  /** Of the first of them. */
  readonly reason: string
}

/** What became of the messages. */
export interface DerivationResult {
  /** Messages below are done: large ones are not all taken at once. */
  readonly to: number
  readonly messages: number
  /** Rows of the datastore: a function may make several of one message, a filter none. */
  readonly rows: number
  readonly dropped: number
  readonly failures: readonly FailedByActivity[]
  /** Messages that are not stored any more. */
  readonly gap: number
  readonly files: number
  readonly bytes: number
  /** Values that are NULL in their column. */
  readonly drifted: number
}

export function tableOf({ datastore, pipeline }: Derivation): TableLocation {
  return datastoreTable(datastore, pipeline)
}
