/**
 * Which connector messages come from. It is chosen once and kept in the data directory, because
 * destinations recognise messages that they have by it.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { nodeFileLayer } from '../channels/disk/files/node-file-layer.ts'
import { readSmallFile, writeSmallFile } from '../channels/disk/files/small-file.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'
import { ConnectorError, writeReasonOf } from '../errors.ts'

const FILE_NAME = 'connector-id'
const ID = /^[A-Za-z0-9_-]{1,64}$/
const MAX_FILE_BYTES = 80

/**
 * The data directory is open and locked.
 * @throws {ConnectorError} StorageFailed if it can't be read or kept, or has another form
 */
export async function connectorIdOf({ connectorId, storage }: ConnectorConfig): Promise<string> {
  if (connectorId !== undefined) return connectorId
  if (storage.durability === 'memory') return newId()
  const path = join(storage.directory, FILE_NAME)
  try {
    return (await readId(path)) ?? (await writeId(storage.directory, path))
  } catch (error) {
    if (error instanceof ConnectorError) throw error
    const text = `${path} can’t be used: ${writeReasonOf(error)}. To do without it, set connectorId`
    throw new ConnectorError('StorageFailed', text, { cause: error })
  }
}

/** The id that a data directory keeps; undefined if it has none, or it can't be read. */
export function knownIdIn(directory: string): Promise<string | undefined> {
  return readId(join(directory, FILE_NAME)).catch(() => undefined)
}

async function readId(path: string): Promise<string | undefined> {
  const bytes = await readSmallFile(nodeFileLayer, path, MAX_FILE_BYTES)
  if (bytes === undefined) return undefined
  const id = bytes.toString('latin1').trim()
  if (ID.test(id)) return id
  throw new ConnectorError(
    'StorageFailed',
    `${path} is damaged: expected 1 to 64 of A-Z a-z 0-9 _ -. Write the id into it that the messages at the destinations have, or set connectorId to it. Only if there are no such messages, remove the file`,
  )
}

async function writeId(directory: string, path: string): Promise<string> {
  const id = newId()
  const temporary = `${path}.tmp`
  await writeSmallFile(nodeFileLayer, temporary, Buffer.from(`${id}\n`))
  await nodeFileLayer.rename(temporary, path)
  await nodeFileLayer.syncDirectory(directory)
  return id
}

/** 96 bits: no two connectors choose the same. */
function newId(): string {
  return randomBytes(12).toString('hex')
}
