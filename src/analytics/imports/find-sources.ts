/** Looks for files to import below some paths. Symbolic links are not followed. */
import { lstat, opendir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ConnectorError, fileReasonOf } from '../../errors.ts'
import { isSource, type SourceFile, type SourceRules, sourceFile } from './source-file.ts'

const MAX_DEPTH = 32

export interface FoundSources {
  /** By table, then by path. */
  readonly sources: readonly SourceFile[]
  /** Files that look like sources and are none, with the reason. */
  readonly leftOut: readonly LeftOutFile[]
}

export interface LeftOutFile {
  readonly path: string
  readonly reason: string
}

/** @throws {ConnectorError} StorageFailed if a path can't be read */
export async function findSources(
  paths: readonly string[],
  rules: SourceRules,
): Promise<FoundSources> {
  const sources = new Map<string, SourceFile>()
  const leftOut: LeftOutFile[] = []
  const take = async (path: string, depth: number): Promise<void> => {
    const { isDirectory, isFile, bytes } = await kindOf(path)
    if (isDirectory && depth < MAX_DEPTH) {
      for await (const entry of await opendir(path)) await take(join(path, entry.name), depth + 1)
      return
    }
    const found = sourceFile(path, bytes, rules)
    if (found === undefined) return
    if (!isFile) leftOut.push({ path, reason: 'it is no file; links are not followed' })
    else if (isSource(found)) sources.set(path, found)
    else leftOut.push({ path, reason: found.problem })
  }
  for (const path of paths) {
    try {
      await take(resolve(path), 0)
    } catch (error) {
      const text = `reading ${path}: ${fileReasonOf(error)}`
      throw new ConnectorError('StorageFailed', text, { cause: error })
    }
  }
  const sorted = [...sources.values()].sort((left, right) => order(keyOf(left), keyOf(right)))
  return { sources: sorted, leftOut }
}

async function kindOf(path: string) {
  const stats = await lstat(path)
  return { isDirectory: stats.isDirectory(), isFile: stats.isFile(), bytes: stats.size }
}

function keyOf({ table, path }: SourceFile): string {
  return `${table}\n${path}`
}

function order(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}
