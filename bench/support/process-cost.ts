/** The costs of a process so far, from /proc: CPU of all its threads, and memory. Linux only. */
import { readFileSync } from 'node:fs'

/** Clock ticks a second in /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** User and system time of all threads since the process began. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

export function rssBytesOf(pid: number): number {
  return statusKilobytes(pid, 'VmRSS') * 1024
}

/** The highest value since the process began. */
export function peakRssBytesOf(pid: number): number {
  return statusKilobytes(pid, 'VmHWM') * 1024
}

function statusKilobytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)
}
