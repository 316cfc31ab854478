/** The program of the worker process: every kind of job that needs DuckDB. */
import { serveJobs } from './worker/job-runner.ts'

serveJobs({})
