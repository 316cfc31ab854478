/** The program of the worker process: every kind of job. */
import { serveJobs } from './worker/job-runner.ts'

serveJobs({
  convert: () => import('./tables/jobs/convert-job.ts'),
  compact: () => import('./tables/jobs/compact-job.ts'),
  derive: () => import('./datastores/jobs/derive-job.ts'),
  query: () => import('./query/query-job.ts'),
  'run-activity': () => import('./pipelines/run-activity-job.ts'),
})
