/**
 * A folder that stands for a bucket. A file has its name once it is complete, and nothing is ever
 * written outside the folder: not by a name in the key, nor by a link below the folder.
 */

import { constants } from 'node:fs'
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ConnectorError, systemCodeOf, writeReasonOf } from '../../../errors.ts'
import type { ContentTarget, DeliveredContent } from './content-target.ts'
import { pathInFolder } from './object-key.ts'

const { O_CREAT, O_TRUNC, O_WRONLY, O_NOFOLLOW } = constants

export class FolderBucket {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  target(key: string): ContentTarget {
    return { deliver: (content, signal) => this.#store(key, content, signal) }
  }

  async #store(key: string, content: DeliveredContent, signal: AbortSignal): Promise<void> {
    const names = pathInFolder(key)
    try {
      const directory = await this.#directoryOf(names.slice(0, -1))
      const name = names.at(-1) ?? ''
      const temporary = join(directory, `.${content.version}.tmp`)
      try {
        await writeDurably(temporary, content, signal)
        await rename(temporary, join(directory, name))
      } catch (thrown) {
        await rm(temporary, { force: true }).catch(() => {})
        throw thrown
      }
      await syncDirectory(directory)
    } catch (thrown) {
      if (thrown instanceof ConnectorError || systemCodeOf(thrown) === undefined) throw thrown
      const text = `${join(this.#folder, ...names)} can’t be written: ${writeReasonOf(thrown)}`
      throw new ConnectorError('DeliveryFailed', text, { cause: thrown })
    }
  }

  /** Creates what is missing. The folder itself must be there: a disk may not be mounted. */
  async #directoryOf(names: readonly string[]): Promise<string> {
    let path = this.#folder
    await expectDirectory(path, true)
    for (const name of names) {
      const parent = path
      path = join(path, name)
      await mkdir(path).then(
        () => syncDirectory(parent),
        (thrown: unknown) => {
          if (systemCodeOf(thrown) !== 'EEXIST') throw thrown
        },
      )
      await expectDirectory(path, false)
    }
    return path
  }
}

/** @param mayBeLink the folder itself is the operator's choice */
async function expectDirectory(path: string, mayBeLink: boolean): Promise<void> {
  const found = await lstat(path)
  if (found.isDirectory() || (mayBeLink && found.isSymbolicLink())) return
  const what = found.isSymbolicLink() ? 'a symbolic link, which is not followed' : 'something else'
  throw new ConnectorError('DeliveryFailed', `expected a directory at ${path}, found ${what}`)
}

async function writeDurably(
  path: string,
  content: DeliveredContent,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
  try {
    for await (const part of content.read()) {
      signal.throwIfAborted()
      await file.writeFile(part)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
