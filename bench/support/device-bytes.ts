/**
 * Bytes that all processes and the file system's journal wrote to the device of a directory.
 */
import { readFileSync, statSync } from 'node:fs'

const SECTOR_BYTES = 512

/** Since the machine started; NaN if the system does not report it. */
export function deviceBytes(directory: string): number {
  const { dev } = statSync(directory)
  // Linux packs major and minor number into one like this.
  const major = Math.floor(dev / 256) & 0xfff
  const minor = dev & 0xff
  const line = readFileSync('/proc/diskstats', 'utf8')
    .split('\n')
    .map((one) => one.trim().split(/\s+/))
    .find(([first, second]) => Number(first) === major && Number(second) === minor)
  return Number(line?.[9]) * SECTOR_BYTES
}
