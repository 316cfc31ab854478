/** Reads one file to import, piece by piece and within bounds. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { createGunzip } from 'node:zlib'
import { fileReasonOf, messageOf } from '../../errors.ts'
import { LineSplitter } from '../lines/line-splitter.ts'
import { DamagedSource } from './damaged-source.ts'
import { type ExportColumn, ExportRows } from './export-rows.ts'
import type { SourceFile } from './source-file.ts'
import type { StagedRow } from './staged-row.ts'

const CARRIAGE_RETURN = 0x0d
const READ_BYTES = 256 * 1024
/** Far more than messages may have. */
const MAX_LINE_BYTES = 1024 * 1024
/** Half a minute of messages; more is no archive but a bomb. */
const MAX_INFLATED_BYTES = 1024 * 1024 * 1024
const SAFE_OPEN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** What a file is recognised by: its name and its bytes. A file that was moved is the same. */
export async function sourceIdOf({ path }: SourceFile): Promise<string> {
  const hash = createHash('sha256').update(`${basename(path)}\n`)
  for await (const chunk of readChunks(path)) hash.update(chunk)
  return hash.digest('hex').slice(0, 24)
}

export interface SourceReading {
  /** In the order of the file, in groups. They may share memory that is used again. */
  readonly rows: AsyncIterable<readonly StagedRow[]>
  /** Lines that were dropped because of their length, so far. */
  readonly tooLong: () => number
}

export interface ReadingOptions {
  /** Default: 1 GiB. */
  readonly maxInflatedBytes?: number | undefined
  /** Of the datastore of an export, if it declares them. */
  readonly columns?: readonly ExportColumn[] | undefined
  /** Called with the bytes of each piece that was read from the file. */
  readonly onBytes: (bytes: number) => Promise<void>
}

export function readSource(
  source: SourceFile,
  { maxInflatedBytes = MAX_INFLATED_BYTES, columns, onBytes }: ReadingOptions,
): SourceReading {
  if (source.kind === 'export') {
    const rows = new ExportRows(source.day, columns)
    const push = (chunk: Buffer) => rows.push(chunk)
    const bytes = readChunks(source.path, onBytes)
    return { rows: split(bytes, push, () => rows.end()), tooLong: () => 0 }
  }
  const { day, arrivedAt } = source
  let rows: StagedRow[] = []
  let tooLong = 0
  const lines = new LineSplitter({
    maxBytes: MAX_LINE_BYTES,
    onLine(line) {
      const payload = withoutReturn(line)
      if (payload.length > 0) rows.push({ day, arrivedAt, payload })
    },
    onTooLong: () => tooLong++,
  })
  const rowsAfter = (feed: () => void): StagedRow[] => {
    rows = []
    feed()
    return rows
  }
  const isPlain = !source.path.toLowerCase().endsWith('.gz')
  const bytes = readChunks(source.path, onBytes)
  return {
    rows: split(
      isPlain ? bytes : inflated(bytes, maxInflatedBytes),
      (chunk) => rowsAfter(() => lines.push(chunk)),
      () => rowsAfter(() => lines.end()),
    ),
    tooLong: () => tooLong,
  }
}

/** Lines of Windows end with a carriage return. */
function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
}

async function* split(
  chunks: AsyncIterable<Buffer>,
  push: (chunk: Buffer) => StagedRow[],
  end: () => StagedRow[],
): AsyncGenerator<readonly StagedRow[]> {
  for await (const chunk of chunks) yield push(chunk)
  yield end()
}

/** @throws {DamagedSource} for bytes that are no gzip, end too early, or become too many */
async function* inflated(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: READ_BYTES })
  let failure: unknown
  const feeding = feed(chunks, gunzip).catch((error: unknown) => {
    failure = error
    gunzip.destroy()
  })
  let bytes = 0
  try {
    for await (const chunk of gunzip) {
      bytes += chunk.length
      if (bytes > maxBytes)
        throw new DamagedSource(`it has more than ${maxBytes} bytes of messages`)
      yield chunk
    }
    await feeding
  } catch (error) {
    if (failure !== undefined) throw failure
    if (error instanceof DamagedSource) throw error
    throw new DamagedSource(`the gzip is damaged: ${messageOf(error)}`)
  } finally {
    gunzip.destroy()
  }
}

async function feed(
  chunks: AsyncIterable<Buffer>,
  gunzip: ReturnType<typeof createGunzip>,
): Promise<void> {
  for await (const chunk of chunks) {
    if (gunzip.destroyed) return
    // The reader uses its buffer again.
    if (!gunzip.write(Buffer.from(chunk))) await drained(gunzip)
  }
  gunzip.end()
}

/** Also resolves when the stream ends early. */
function drained(gunzip: ReturnType<typeof createGunzip>): Promise<void> {
  return new Promise((resolve) => {
    gunzip.once('drain', resolve)
    gunzip.once('close', resolve)
  })
}

/** Pieces of the file; each is valid until the next one is asked for. @throws {DamagedSource} */
async function* readChunks(
  path: string,
  onBytes: (bytes: number) => Promise<void> = async () => {},
): AsyncGenerator<Buffer> {
  let file: FileHandle | undefined
  try {
    file = await open(path, SAFE_OPEN)
    if (!(await file.stat()).isFile()) throw new DamagedSource('it is no file')
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) return
      await onBytes(bytesRead)
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    if (error instanceof DamagedSource || !isSystemError(error)) throw error
    throw new DamagedSource(`it can’t be read: ${fileReasonOf(error)}`)
  } finally {
    await file?.close()
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
