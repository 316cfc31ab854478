/** The program of the worker process: every kind of job that needs DuckDB. */
import { serveJobs } from './worker/job-runner.ts'

serveJobs({
  convert: () => import('./tables/jobs/convert-job.ts'),
  compact: () => import('./tables/jobs/compact-job.ts'),
  import: () => import('./imports/import-job.ts'),
  query: () => import('./query/query-job.ts'),
})
