/** Files as AWS IoT Analytics has left them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** @returns the path */
export function writeArchive(
  directory: string,
  { channel, at, lines, shard = 0 }: ArchivedMessages,
): string {
  const day = new Date(at).toISOString().slice(0, 10)
  const name = `${at}_${at + 30_000}_123456789012_${channel}_${shard}_0.0.json.gz`
  const path = join(directory, 'channel', channel, `__dt=${day} 00:00:00`, name)
  return written(path, gzipSync(lines.map((line) => `${line}\n`).join('')))
}

export interface ArchivedMessages {
  readonly channel: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly lines: readonly string[]
  readonly shard?: number
}

export function writeExport(directory: string, datastore: string, csv: string, version = 'v1') {
  return written(join(directory, datastore, '1700000000000', `${version}.csv`), csv)
}

export function written(path: string, content: string | Buffer): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}
