/** Queries on one data directory, with a worker process of their own that starts with the first. */

import { WorkerProcess } from '../worker/worker-process.ts'
import { WORKER_PROGRAM } from '../worker-program.ts'
import type { QueryOptions } from './options.ts'
import { QueryRunner } from './query-runner.ts'

/** A query must not hold up the connector. */
const NICENESS = 10
/** A process that has just run a query answers the next one sooner. */
const IDLE_MS = 30_000

export interface Queries extends Pick<QueryRunner, 'run'> {
  /** Ends the queries that run. */
  close(): Promise<void>
}

/** @param directory as an absolute path */
export function openQueries(directory: string, limits: QueryOptions): Queries {
  const worker = new WorkerProcess({
    program: WORKER_PROGRAM,
    memoryBytes: limits.memory,
    niceness: NICENESS,
    idleMs: IDLE_MS,
    jobsAtOnce: limits.maxRunning,
  })
  const runner = new QueryRunner({ limits, worker, directory })
  return {
    run: (question, reader) => runner.run(question, reader),
    close: () => worker.close(),
  }
}
