/** A worker's program with jobs that behave in every way a job can. */
import { JobError } from '../../../src/analytics/worker/job.ts'
import { sendLog, serveJobs } from '../../../src/analytics/worker/job-runner.ts'

const kept: Buffer[] = []

serveJobs({
  echo: async () => ({ run: async (request) => request }),
  count: async () => ({
    run: async (request, { emit }) => {
      for (let number = 0; number < Number(request); number++) await emit(Buffer.from(`${number}`))
      return 'counted'
    },
  }),
  wait: async () => ({
    run: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')))
      }),
  }),
  refuse: async () => ({
    run: () => Promise.reject(new JobError('QueryLimit', 'too much', { line: 3 })),
  }),
  fail: async () => ({ run: () => Promise.reject(new Error('broken')) }),
  spin: async () => ({
    run: async () => {
      for (;;);
    },
  }),
  exit: async () => ({
    run: async () => {
      console.error('no reason')
      process.exit(7)
    },
  }),
  log: async () => ({
    run: async () => {
      sendLog('function f', 'a line')
      setImmediate(() => sendLog('function f', 'one after the job'))
    },
  }),
  fill: async () => ({
    run: async () => {
      for (;;) kept.push(Buffer.alloc(10_000_000, 1))
    },
  }),
})
