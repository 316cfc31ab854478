/** Small files of JSON below `pipelines/<pipeline>/` in the data directory, replaced as a whole. */
import { join } from 'node:path'
import type * as z from 'zod'
import { isChannelName } from '../../channel-name.ts'
import type { FileLayer } from '../../channels/disk/files/file-layer.ts'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import { readSmallFile, writeSmallFile } from '../../channels/disk/files/small-file.ts'
import { ConnectorError, writeReasonOf } from '../../errors.ts'

const ROOT = 'pipelines'
const MAX_BYTES = 1024 * 1024

export interface PipelineFile<Schema extends z.ZodType> {
  /** The data directory. */
  readonly directory: string
  readonly pipeline: string
  readonly name: string
  readonly schema: Schema
  /** For tests: another file system. */
  readonly files?: FileLayer
}

/**
 * Undefined if there is none, or its content can't be used.
 * @throws a system error if it can't be read
 */
export async function readPipelineFile<Schema extends z.ZodType>(
  about: PipelineFile<Schema>,
): Promise<z.output<Schema> | undefined> {
  const { files = nodeFileLayer, schema } = about
  const bytes = await readSmallFile(files, join(folderOf(about), about.name), MAX_BYTES)
  if (bytes === undefined) return undefined
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')))
  } catch {
    return undefined
  }
}

/** After a crash there is the old one or the new one. @throws {ConnectorError} StorageFailed */
export async function writePipelineFile<Schema extends z.ZodType>(
  about: PipelineFile<Schema>,
  content: z.output<Schema>,
): Promise<void> {
  const { files = nodeFileLayer, name } = about
  const folder = folderOf(about)
  const path = join(folder, name)
  try {
    await files.makeDirectory(folder)
    await writeSmallFile(files, `${path}.tmp`, Buffer.from(`${JSON.stringify(content)}\n`))
    await files.rename(`${path}.tmp`, path)
    await files.syncDirectory(folder)
  } catch (cause) {
    const text = `${path} can’t be written: ${writeReasonOf(cause)}`
    throw new ConnectorError('StorageFailed', text, { cause })
  }
}

/** The pipeline was deleted. */
export async function removePipelineFiles(
  directory: string,
  pipeline: string,
  files: FileLayer = nodeFileLayer,
): Promise<void> {
  const folder = folderOf({ directory, pipeline })
  for (const { name } of await files.list(folder)) await files.remove(join(folder, name))
}

/** @throws {RangeError} if no pipeline can have the name: it becomes a part of the path */
function folderOf({ directory, pipeline }: { directory: string; pipeline: string }): string {
  if (!isChannelName(pipeline)) throw new RangeError(`expected a pipeline’s name, got ${pipeline}`)
  return join(directory, ROOT, pipeline)
}
