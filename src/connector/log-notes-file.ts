/**
 * The notes on logs of a data directory, in one small file:
 *
 *     {"database":{"0a1b2c3d":{"renewal":{"from":1000,"logId":"5e6f7a8b"},"endBefore":1200}}}
 *      └ destination └ log
 *
 * Without it, new messages would be taken for those that were sent under the log's own id. So a file
 * that can't be read keeps the connector from starting.
 */
import { join } from 'node:path'
import { nodeFileLayer } from '../channels/disk/files/node-file-layer.ts'
import { readSmallFile, writeSmallFile } from '../channels/disk/files/small-file.ts'
import type { LogNote, LogNotes } from '../delivery/batches/log-notes.ts'
import { ConnectorError, writeReasonOf } from '../errors.ts'
import { SerialQueue } from '../serial-queue.ts'

const FILE_NAME = 'log-notes'
const LOG_ID = /^[0-9a-f]{8}$/
/** More than 100,000 notes. */
const MAX_FILE_BYTES = 16 * 1024 * 1024

/** By destination and log. */
type Notes = Map<string, Map<string, LogNote>>

export class LogNotesFile implements LogNotes {
  readonly #directory: string
  #notes: Notes
  readonly #writes = new SerialQueue()
  /** Changes that the next write makes durable. */
  #changes: { readonly destination: string; readonly logId: string; readonly note: LogNote }[] = []
  #written: Promise<void> | undefined

  private constructor(directory: string, notes: Notes) {
    this.#directory = directory
    this.#notes = notes
  }

  /**
   * The data directory is open and locked.
   * @throws {ConnectorError} StorageFailed if the file can't be read
   */
  static async open(directory: string): Promise<LogNotesFile> {
    const path = join(directory, FILE_NAME)
    const bytes = await readSmallFile(nodeFileLayer, path, MAX_FILE_BYTES).catch(
      (error: unknown) => {
        throw new ConnectorError('StorageFailed', `${path} can’t be read: ${writeReasonOf(error)}`)
      },
    )
    const notes = bytes === undefined ? new Map() : parse(bytes.toString('utf8'))
    if (notes !== undefined) return new LogNotesFile(directory, notes)
    throw new ConnectorError(
      'StorageFailed',
      `${path} is damaged, and without it new messages may be taken for older ones. Restore it. If that is not possible, set connectorId to a new name and remove the file: messages that wait now may then be at the destinations twice`,
    )
  }

  find(destination: string, logId: string): LogNote {
    return this.#notes.get(destination)?.get(logId) ?? {}
  }

  /** Changes that come while another write is under way share the next one. */
  keep(destination: string, logId: string, note: LogNote): Promise<void> {
    this.#changes.push({ destination, logId, note })
    this.#written ??= this.#writes.run(() => this.#write())
    return this.#written
  }

  async #write(): Promise<void> {
    const changes = this.#changes
    this.#changes = []
    this.#written = undefined
    const notes: Notes = new Map([...this.#notes].map(([name, logs]) => [name, new Map(logs)]))
    for (const { destination, logId, note } of changes) {
      const logs = notes.get(destination) ?? new Map<string, LogNote>()
      if (Object.keys(note).length === 0) logs.delete(logId)
      else logs.set(logId, note)
      notes.set(destination, logs)
    }
    const path = join(this.#directory, FILE_NAME)
    const temporary = `${path}.tmp`
    try {
      await writeSmallFile(nodeFileLayer, temporary, Buffer.from(textOf(notes)))
      await nodeFileLayer.rename(temporary, path)
      await nodeFileLayer.syncDirectory(this.#directory)
    } catch (cause) {
      const text = `${path} can’t be written: ${writeReasonOf(cause)}`
      throw new ConnectorError('StorageFailed', text, { cause })
    }
    this.#notes = notes
  }
}

function textOf(notes: Notes): string {
  const tree = [...notes].map(([name, logs]) => [name, Object.fromEntries(logs)])
  return `${JSON.stringify(Object.fromEntries(tree))}\n`
}

/** Undefined if it has another form. */
function parse(text: string): Notes | undefined {
  try {
    const notes: Notes = new Map()
    for (const [destination, logs] of Object.entries(JSON.parse(text))) {
      const found = Object.entries(Object(logs)).map(([id, one]) => [id, noteOf(one)] as const)
      notes.set(destination, new Map(found))
    }
    return notes
  } catch {
    return undefined
  }
}

function noteOf(value: unknown): LogNote {
  const { renewal, endBefore }: Partial<Record<string, unknown>> = Object(value)
  return {
    ...(renewal !== undefined && { renewal: renewalOf(renewal) }),
    ...(endBefore !== undefined && { endBefore: offsetOf(endBefore) }),
  }
}

function renewalOf(value: unknown): NonNullable<LogNote['renewal']> {
  const { from, logId }: Partial<Record<string, unknown>> = Object(value)
  if (typeof logId !== 'string' || !LOG_ID.test(logId)) throw new RangeError('not a log id')
  return { from: offsetOf(from), logId }
}

function offsetOf(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new RangeError('not an offset')
}
