/**
 * Keeps copies of damaged bytes, each with a report beside it, so that a person or a later tool can
 * look at them. It is bounded: the oldest copies make room for new ones. It never fails: damage
 * that can't be copied is still reported.
 *
 *     quarantine/<channel>-<file>-<position>-<crc>.bytes   a copy of the damaged bytes
 *     quarantine/<channel>-<file>-<position>-<crc>.json    when, where, which offsets, why
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Clock } from '../../../clock.ts'
import { messageOf, systemCodeOf } from '../../../errors.ts'
import type { PipelineObserver } from '../../../observer.ts'
import { JOURNAL_NAME, type OffsetRange } from '../../log/channel-log.ts'
import type { DiskSpace } from './disk-space.ts'
import type { DirectoryEntry, FileLayer } from './file-layer.ts'
import { Removals } from './removals.ts'
import { writeSmallFile } from './small-file.ts'

/** A start reports no more damaged places of one file or log than this, and counts the others. */
export const MAX_REPORTS = 50
/** Bound for one copy, so that a large damaged region can't fill the disk a second time. */
export const MAX_KEPT_BYTES = 1024 * 1024

/** Something else is in its place, or it can't be read. */
const OF_QUARANTINE_ALONE: ReadonlySet<string> = new Set(['ENOTDIR', 'EACCES', 'EPERM', 'EIO'])

export interface DamageReport {
  readonly channel: string
  /** Name of the damaged file in the channel's directory. */
  readonly file: string
  readonly position: number
  /** Bytes of the file that are damaged; the copy may have less. */
  readonly bytes: number
  /** The messages that are lost, where that is known. */
  readonly offsets: OffsetRange | undefined
  /** One sentence: what was found. */
  readonly what: string
}

export interface QuarantineOptions {
  readonly files: FileLayer
  readonly directory: string
  readonly maxBytes: number
  readonly space: DiskSpace
  readonly clock: Clock
  readonly observer: PipelineObserver
}

export class Quarantine {
  readonly #options: QuarantineOptions
  readonly #removals: Removals
  /** Oldest first. */
  readonly #kept: { name: string; bytes: number }[] = []
  /** Names of copies, without their endings. */
  readonly #copies = new Set<string>()
  #bytes = 0

  constructor(options: QuarantineOptions) {
    this.#options = options
    this.#removals = new Removals(options)
  }

  /**
   * Lists and counts the copies that are there already. If that can't be done, it is reported, and
   * copies can't be kept: they must not keep the store from being opened.
   */
  async open(): Promise<void> {
    const entries = await this.#list()
    for (const entry of [...entries].sort((a, b) => a.modifiedAt - b.modifiedAt)) {
      if (!entry.isDirectory) this.#add(entry.name, entry.bytes)
    }
    this.#options.space.count(this.#bytes)
  }

  async #list(): Promise<readonly DirectoryEntry[]> {
    const { files, directory, observer } = this.#options
    try {
      return await files.list(directory)
    } catch (error) {
      if (!OF_QUARANTINE_ALONE.has(systemCodeOf(error) ?? '')) throw error
      const what = `${directory} can't be used, so copies of damaged bytes are not kept: ${messageOf(error)}. If it is no directory, move it away: the connector creates it when it needs it.`
      observer.damageFound(JOURNAL_NAME, what)
      return []
    }
  }

  /** Keeps a report and a copy of damaged bytes. False if it has them already. */
  async keep(damage: DamageReport, content: Buffer): Promise<boolean> {
    const mark = crc32(content).toString(16).padStart(8, '0')
    const name = `${damage.channel}-${damage.file}-${damage.position}-${mark}`
    if (this.#copies.has(name)) return false
    this.#options.observer.damageFound(damage.channel, damage.what)
    const at = new Date(this.#options.clock.now()).toISOString()
    const report = Buffer.from(`${JSON.stringify({ at, ...damage }, undefined, 2)}\n`)
    try {
      await this.#options.files.makeDirectory(this.#options.directory)
      await this.#write(`${name}.bytes`, content.subarray(0, MAX_KEPT_BYTES))
      await this.#write(`${name}.json`, report)
      await this.#options.files.syncDirectory(this.#options.directory)
    } catch {
      // It has been reported already; a full or failing disk must not turn damage into an outage.
    }
    return true
  }

  async #write(name: string, bytes: Buffer): Promise<void> {
    const { files, space, directory, maxBytes } = this.#options
    await this.#shrinkTo(maxBytes - bytes.length)
    if (this.#bytes + bytes.length > maxBytes) return
    await space.claim(bytes.length, () => false)
    this.#add(name, bytes.length)
    await writeSmallFile(files, join(directory, name), bytes)
  }

  async #shrinkTo(bytes: number): Promise<void> {
    const { directory, space } = this.#options
    while (this.#bytes > bytes) {
      const oldest = this.#kept.shift()
      if (oldest === undefined) return
      this.#bytes -= oldest.bytes
      this.#copies.delete(withoutEnding(oldest.name))
      space.release(oldest.bytes)
      const paths = [join(directory, oldest.name)]
      await this.#removals.remove({ paths, bytes: oldest.bytes, close: () => Promise.resolve() })
    }
  }

  #add(name: string, bytes: number): void {
    this.#kept.push({ name, bytes })
    this.#copies.add(withoutEnding(name))
    this.#bytes += bytes
  }
}

function withoutEnding(name: string): string {
  return name.replace(/\.(bytes|json)$/, '')
}
