/**
 * Where the result goes: standard output, or a file. A file appears under its name when the result
 * is complete; before, it is beside it under a hidden name.
 */
import { once } from 'node:events'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ConnectorError, writeReasonOf } from '../../../errors.ts'
import type { CliContext } from '../../context.ts'
import { usageError } from '../../exit-code.ts'

export interface ResultOutput {
  /** Resolves when there is room for more. */
  write(part: Buffer): Promise<void>
  keep(): Promise<void>
  discard(): Promise<void>
}

/** @param isBinary whether a terminal can’t show the result */
export async function openResultOutput(
  context: CliContext,
  file: string | undefined,
  isBinary: boolean,
): Promise<ResultOutput> {
  if (file !== undefined) return await openFile(file)
  if (isBinary && context.process.stdout.isTTY) {
    throw usageError('Parquet is binary: name a file with --output, or redirect the output')
  }
  return standardOutput(context)
}

function standardOutput({ process: { stdout }, outputClosed }: CliContext): ResultOutput {
  return {
    write: async (part) => {
      if (!stdout.write(part)) await once(stdout, 'drain', { signal: outputClosed })
    },
    keep: async () => {},
    discard: async () => {},
  }
}

async function openFile(file: string): Promise<ResultOutput> {
  const hidden = join(dirname(file), `.${basename(file)}.${process.pid}`)
  const failed = (thrown: unknown) =>
    new ConnectorError('StorageFailed', `--output: cannot write ${file}: ${writeReasonOf(thrown)}`)
  let handle: FileHandle
  try {
    handle = await open(hidden, 'wx')
  } catch (thrown) {
    throw failed(thrown)
  }
  return {
    write: async (part) => {
      await handle.writeFile(part).catch((thrown) => Promise.reject(failed(thrown)))
    },
    keep: async () => {
      await handle.close()
      await rename(hidden, file).catch((thrown) => Promise.reject(failed(thrown)))
    },
    discard: async () => {
      await handle.close().catch(() => {})
      await rm(hidden, { force: true })
    },
  }
}
