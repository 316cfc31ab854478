/** Definitions as another process has stored them: read, and left as they are. */
import { join } from 'node:path'
import type * as z from 'zod'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import { readSmallFile } from '../../channels/disk/files/small-file.ts'
import { MAX_FILE_BYTES } from './resource-collection.ts'
import { isResourceFile, parseFile } from './resource-file.ts'

/**
 * By name. What can't be parsed is missing.
 * @throws a system error if a file can't be read
 */
export async function storedDefinitions<Schema extends z.ZodType>(
  directory: string,
  folder: 'channels' | 'pipelines' | 'datastores' | 'datasets',
  schema: Schema,
): Promise<ReadonlyMap<string, z.infer<Schema>>> {
  const root = join(directory, 'resources', folder)
  const found = new Map<string, z.infer<Schema>>()
  for (const { name: file, isDirectory } of await nodeFileLayer.list(root)) {
    if (isDirectory || !isResourceFile(file)) continue
    const bytes = await readSmallFile(nodeFileLayer, join(root, file), MAX_FILE_BYTES)
    const resource = bytes && parseFile(schema, bytes.toString('utf8'))
    if (resource !== undefined) found.set(resource.name, resource.definition)
  }
  return found
}
