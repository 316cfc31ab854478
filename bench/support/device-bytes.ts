/**
 * Bytes written to the device that a directory is on, by everybody, the file system's own journal
 * included.
 */
import { readFileSync, statSync } from 'node:fs'

const SECTOR_BYTES = 512

/** Since the machine started; NaN where the system does not tell. */
export function deviceBytes(directory: string): number {
  const { dev } = statSync(directory)
  // How Linux packs major and minor number into one.
  const major = Math.floor(dev / 256) & 0xfff
  const minor = dev & 0xff
  const line = readFileSync('/proc/diskstats', 'utf8')
    .split('\n')
    .map((one) => one.trim().split(/\s+/))
    .find(([first, second]) => Number(first) === major && Number(second) === minor)
  return Number(line?.[9]) * SECTOR_BYTES
}
