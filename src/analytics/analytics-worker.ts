/** The program of the worker process: every kind of job that needs DuckDB. */
import { serveJobs } from './worker/job-runner.ts'

serveJobs({
  convert: () => import('./tables/jobs/convert-job.ts'),
  compact: () => import('./tables/jobs/compact-job.ts'),
  derive: () => import('./datastores/jobs/derive-job.ts'),
  query: () => import('./query/query-job.ts'),
})
