/** The machine that a benchmark ran on, for its report. */
import { cpus, release, totalmem } from 'node:os'

export function machine(): Record<string, string | number | undefined> {
  return {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 1024 ** 3),
    linux: release().split('-')[0],
  }
}
