/**
 * Loaded into a program with `--import`: it ends when the process that started it, and that
 * `FAULTS_PARENT` names, has ended.
 */
const INTERVAL_MS = 500
const parent = Number(process.env['FAULTS_PARENT'])

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
}, INTERVAL_MS).unref()
