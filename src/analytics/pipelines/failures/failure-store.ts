/**
 * The messages that pipelines could not process, in files below the data directory. A file is
 * replaced as a whole, and its name follows from the messages that were processed, so a job that is
 * killed and runs again neither doubles a failure nor leaves half a file.
 */
import { join } from 'node:path'
import { isChannelName } from '../../../channel-name.ts'
import type { DirectoryEntry, FileLayer } from '../../../channels/disk/files/file-layer.ts'
import { nodeFileLayer } from '../../../channels/disk/files/node-file-layer.ts'
import { readSmallFile, writeSmallFile } from '../../../channels/disk/files/small-file.ts'
import { ConnectorError, writeReasonOf } from '../../../errors.ts'
import {
  type FailureLines,
  failureFileName,
  failureText,
  type MessageFailure,
  type OffsetRange,
  parseFailureFileName,
  parseFailures,
} from './failure-file.ts'

export const FAILURES_NAME = 'pipeline-failures'
const MAX_FILES = 1_000
/** One job must not push out all that is known of others. */
const SHARE_OF_ONE_FILE = 4
/** More than a file can have, whatever the limit was when it was written. */
export const MAX_FAILURE_FILE_BYTES = 1024 * 1024 * 1024

export interface ProcessedMessages extends OffsetRange {
  /** The data directory. */
  readonly directory: string
  readonly pipeline: string
  /** Of all files of the pipeline; the oldest are removed first. */
  readonly maxBytes: number
  /** For tests: another file system. */
  readonly files?: FileLayer
}

/** A file, or why it can't be read. */
export type FailuresOfFile =
  | (FailureLines & { readonly path: string; readonly problem?: never })
  | { readonly path: string; readonly problem: string }

interface StoredFile {
  readonly name: string
  readonly range: OffsetRange
  readonly entry: DirectoryEntry
}

/**
 * Stores which of the processed messages failed, in place of what was known of them; call it
 * also if there are no failures. Durable when it resolves: before the position of the pipeline is
 * stored. One call at a time for each pipeline.
 * @throws {ConnectorError} StorageFailed; then the job is to be run again
 */
export async function writeFailures(
  processed: ProcessedMessages,
  failures: readonly MessageFailure[],
): Promise<void> {
  const { directory, pipeline, maxBytes, files = nodeFileLayer } = processed
  const folder = folderOf(directory, pipeline)
  try {
    const before = await listFiles(files, folder)
    if (failures.length > 0) {
      const text = failureText({ failures, leftOut: 0 }, maxBytes / SHARE_OF_ONE_FILE)
      await files.makeDirectory(folder)
      await replaceFile(files, folder, failureFileName(processed), text)
    }
    const own = failures.length > 0 ? failureFileName(processed) : undefined
    for (const one of before) {
      if (one.name !== own && overlaps(one.range, processed)) {
        await keepOthers(files, folder, one, processed)
      }
    }
    await removeOldest(files, folder, maxBytes)
  } catch (cause) {
    const text = `failures of the pipeline ${pipeline} can’t be written to ${folder}: ${writeReasonOf(cause)}`
    throw new ConnectorError('StorageFailed', text, { cause })
  }
}

/** Of a pipeline, by log and offset, file by file. */
export async function* readFailures(
  directory: string,
  pipeline: string,
  files: FileLayer = nodeFileLayer,
): AsyncGenerator<FailuresOfFile> {
  const folder = folderOf(directory, pipeline)
  for (const { name } of await listFiles(files, folder)) {
    const path = join(folder, name)
    try {
      const lines = await readFile(files, path)
      if (lines !== undefined) yield { ...lines, path }
    } catch {
      yield { path, problem: 'it is damaged' }
    }
  }
}

/** The names of pipelines that have failures. */
export async function pipelinesWithFailures(directory: string): Promise<string[]> {
  const entries = await nodeFileLayer.list(join(directory, FAILURES_NAME))
  const names = entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name)
  return names.filter(isChannelName).sort()
}

/** The pipeline was deleted. */
export async function removeFailures(directory: string, pipeline: string): Promise<void> {
  const folder = folderOf(directory, pipeline)
  for (const { name } of await nodeFileLayer.list(folder)) {
    await nodeFileLayer.remove(join(folder, name))
  }
}

/** @throws {RangeError} if no pipeline can have the name: it becomes a part of the path */
function folderOf(directory: string, pipeline: string): string {
  if (!isChannelName(pipeline)) throw new RangeError(`expected a pipeline’s name, got ${pipeline}`)
  return join(directory, FAILURES_NAME, pipeline)
}

async function listFiles(files: FileLayer, folder: string): Promise<StoredFile[]> {
  const entries = await files.list(folder)
  return entries
    .flatMap((entry) => {
      const range = parseFailureFileName(entry.name)
      return range === undefined ? [] : [{ name: entry.name, range, entry }]
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
}

async function readFile(files: FileLayer, path: string): Promise<FailureLines | undefined> {
  const bytes = await readSmallFile(files, path, MAX_FAILURE_FILE_BYTES)
  return bytes === undefined ? undefined : parseFailures(bytes.toString())
}

function overlaps(one: OffsetRange, other: OffsetRange): boolean {
  return one.logId === other.logId && one.first < other.end && other.first < one.end
}

/** Of a file that has failures of other messages too: those stay. One that can't be read is removed. */
async function keepOthers(
  files: FileLayer,
  folder: string,
  { name }: StoredFile,
  { first, end }: OffsetRange,
): Promise<void> {
  const lines = await readFile(files, join(folder, name)).catch(() => undefined)
  const failures = lines?.failures.filter(({ offset }) => offset < first || offset >= end) ?? []
  if (failures.length > 0) {
    await replaceFile(files, folder, name, failureText({ failures, leftOut: lines?.leftOut ?? 0 }))
  } else {
    await files.remove(join(folder, name))
    await files.syncDirectory(folder)
  }
}

async function replaceFile(
  files: FileLayer,
  folder: string,
  name: string,
  text: Buffer,
): Promise<void> {
  const hidden = join(folder, `.${name}`)
  await writeSmallFile(files, hidden, text)
  await files.rename(hidden, join(folder, name))
  await files.syncDirectory(folder)
}

/** Also what a job left that was killed while it wrote. */
async function removeOldest(files: FileLayer, folder: string, maxBytes: number): Promise<void> {
  for (const { name } of await files.list(folder)) {
    if (name.startsWith('.')) await files.remove(join(folder, name))
  }
  const stored = (await listFiles(files, folder)).reverse()
  stored.sort((one, other) => other.entry.modifiedAt - one.entry.modifiedAt)
  let bytes = 0
  for (const [index, { name, entry }] of stored.entries()) {
    bytes += entry.bytes
    if (index >= MAX_FILES || bytes > maxBytes) await files.remove(join(folder, name))
  }
}
