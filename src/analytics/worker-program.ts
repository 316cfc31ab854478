/** Where the program of the worker process is: beside this module, also in the bundle. */
export const WORKER_PROGRAM = new URL('./analytics-worker.js', import.meta.url)
