/** Whether a process is there. */
import { readFileSync } from 'node:fs'

/** Needs `/proc`. A process that has ended stays a zombie until its parent asks for its exit code. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
