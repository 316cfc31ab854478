/**
 * A container action, as a program on this machine. Each run has a directory of its own:
 *
 *     datasets/.run-<version>-<n>/params      its parameters
 *                                 /in/…       contents of other datasets
 *                                 /out/…      what it makes: the entries of the version
 */
import { copyFile, link, lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileLayer } from '../../../channels/disk/files/file-layer.ts'
import { DIRECTORY_MODE } from '../../../channels/disk/files/safe-open.ts'
import type { Clock } from '../../../clock.ts'
import { ConnectorError } from '../../../errors.ts'
import { quoted } from '../../../shown-text.ts'
import { formatSize } from '../../../units.ts'
import type { MadeContent, MakingOf } from '../contracts/content-making.ts'
import type { DatasetsOptions } from '../options.ts'
import type { ContentEntry } from '../versions/version-record.ts'
import { type ContainerSettings, containerParameters } from './container-parameters.ts'
import { runProgram } from './program-run.ts'

const RUN = '.run-'
const MAX_ENTRIES = 100
const ENTRY_NAME = /^[\w.-]{1,255}$/
const PART_BYTES = 64 * 1024

export interface ContainerActionOptions {
  /** Of all datasets. */
  readonly directory: string
  readonly containers: DatasetsOptions['containers']
  /** The file with a dataset's latest content; undefined if it has none. */
  readonly latestContentOf: (dataset: string) => string | undefined
  /** Bytes that contents may still have. */
  readonly roomLeft: () => number
  readonly files: FileLayer
  readonly clock: Clock
}

export class ContainerAction {
  readonly #options: ContainerActionOptions

  constructor(options: ContainerActionOptions) {
    this.#options = options
  }

  /** Removes what runs have left that did not come to their end. */
  async open(): Promise<void> {
    const { directory } = this.#options
    const names = await readdir(directory).catch(() => [])
    for (const name of names.filter((one) => one.startsWith(RUN))) {
      await rm(join(directory, name), { recursive: true, force: true })
    }
  }

  /** @throws {ConnectorError} @throws the signal's reason if it was aborted */
  async make(settings: ContainerSettings, making: MakingOf): Promise<MadeContent> {
    const { containers, clock, directory } = this.#options
    const container = Object.hasOwn(containers, settings.image)
      ? containers[settings.image]
      : undefined
    if (container === undefined) throw noProgram(settings.image)
    const { version, attempts } = making.record
    const run = join(directory, `${RUN}${version}-${attempts}`)
    try {
      const outputs = join(run, 'out')
      await mkdir(outputs, { recursive: true, mode: DIRECTORY_MODE })
      const inputs = await this.#inputs(settings, join(run, 'in'))
      const params = join(run, 'params')
      await writeFile(params, containerParameters(settings, { outputs, inputs }), { mode: 0o600 })
      await runProgram({
        command: container.command,
        environment: { ...container.environment, IOT_ANALYTICS_PARAMS: params },
        timeoutMs: container.timeout,
        problem: () => this.#problem(outputs),
        signal: making.signal,
        clock,
      })
      return { entries: await this.#collect(outputs, making) }
    } finally {
      await rm(run, { recursive: true, force: true })
    }
  }

  /** The contents of datasets that it reads. They stay, even if their version is removed. */
  async #inputs({ variables = [] }: ContainerSettings, directory: string) {
    const inputs = new Map<string, string>()
    for (const { datasetContentVersionValue } of variables) {
      const dataset = datasetContentVersionValue?.datasetName
      if (dataset === undefined || inputs.has(dataset)) continue
      const content = this.#options.latestContentOf(dataset)
      if (content === undefined) {
        const text = `the dataset ${dataset}, which a variable names, has no content yet`
        throw new ConnectorError('InvalidDataset', text)
      }
      await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE })
      const path = join(directory, `${inputs.size}.csv`)
      await link(content, path).catch(() => copyFile(content, path))
      inputs.set(dataset, path)
    }
    return inputs
  }

  async #problem(outputs: string): Promise<ConnectorError | undefined> {
    const bytes = await bytesBelow(outputs)
    const left = this.#options.roomLeft()
    if (bytes <= left) return undefined
    const text = `the program has written ${formatSize(bytes)}, and the contents of datasets have room for ${formatSize(Math.max(0, left))} more (analytics.datasets.maxBytes)`
    return new ConnectorError('DatasetsFull', text)
  }

  /** Every file that is directly in the directory, by name. */
  async #collect(outputs: string, { versions, record }: MakingOf): Promise<ContentEntry[]> {
    const entries: ContentEntry[] = []
    try {
      for (const name of await this.#fileNames(outputs)) {
        const { file, content } = await versions.newContent(record, entries.length)
        // Named before it is written, so that a failure removes it.
        const entry = { name, file, bytes: 0 }
        entries.push(entry)
        try {
          await copyContent(this.#options.files, join(outputs, name), content)
          await content.finish()
        } finally {
          entry.bytes = content.bytes
        }
      }
      return entries
    } catch (thrown) {
      await versions.removeContent(entries)
      throw thrown
    }
  }

  async #fileNames(outputs: string): Promise<string[]> {
    const found = await this.#options.files.list(outputs)
    const names = found.filter(({ isDirectory }) => !isDirectory).map(({ name }) => name)
    const wrong = names.find((name) => !ENTRY_NAME.test(name))
    if (wrong !== undefined || names.length > MAX_ENTRIES) {
      const got = wrong === undefined ? `${names.length} files` : `a file ${quoted(wrong)}`
      const text = `expected at most ${MAX_ENTRIES} files in the directory for output, named with A-Z a-z 0-9 _ . -, got ${got}`
      throw new ConnectorError('ContainerFailed', text)
    }
    return names.sort()
  }
}

async function copyContent(
  files: FileLayer,
  path: string,
  content: { append(part: Buffer): Promise<void> },
): Promise<void> {
  const source = await files.open(path, 'read')
  try {
    const part = Buffer.alloc(PART_BYTES)
    for (let at = 0; ; ) {
      const count = await source.read(part, part.length, at)
      if (count === 0) return
      await content.append(part.subarray(0, count))
      at += count
    }
  } finally {
    await source.close()
  }
}

async function bytesBelow(directory: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(directory, { recursive: true })) {
    const found = await lstat(join(directory, name)).catch(() => undefined)
    if (found?.isFile() === true) bytes += found.size
  }
  return bytes
}

function noProgram(image: string): ConnectorError {
  const text = `no program stands for the image ${quoted(image, 255)}: name one in analytics.datasets.containers. Containers themselves are not run`
  return new ConnectorError('InvalidDataset', text)
}
