/** Checksum and length of a whole file, as the catalogue has them. */
import { createReadStream } from 'node:fs'
import { crc32 } from 'node:zlib'
import type { FileFacts } from './catalogue.ts'

const READ_BYTES = 256 * 1024

/** @throws a system error if the file can't be read */
export async function fileSum(path: string): Promise<Pick<FileFacts, 'bytes' | 'crc32'>> {
  let sum = 0
  let bytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
    sum = crc32(chunk, sum)
    bytes += chunk.length
  }
  return { bytes, crc32: sum.toString(16).padStart(8, '0') }
}
