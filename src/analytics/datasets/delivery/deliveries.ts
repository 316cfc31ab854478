/**
 * Delivers contents to where the rules of their datasets want them, one at a time. What became of a
 * delivery is stored with its version, so that a restart goes on with what waits. A delivery happens
 * at least once: after a crash in its middle it happens again.
 */
import type { Clock, Timer } from '../../../clock.ts'
import { asConnectorError, ConnectorError } from '../../../errors.ts'
import type { PipelineObserver } from '../../../observer.ts'
import { cut } from '../../../shown-text.ts'
import type { MessageOutlet } from '../contracts/message-outlet.ts'
import type { DatasetsOptions } from '../options.ts'
import { partsOf } from '../urls/content-answer.ts'
import type { DatasetVersions } from '../versions/dataset-versions.ts'
import type { DeliveryRecord, VersionRecord } from '../versions/version-record.ts'
import type { ContentTarget, DeliveredContent } from './content-target.ts'
import { FolderBucket } from './folder-bucket.ts'
import { InputMessages } from './input-messages.ts'
import { S3Bucket } from './s3-bucket.ts'

const FIRST_DELAY_MS = 10_000
const LONGEST_DELAY_MS = 3_600_000
/** About a day. */
const MAX_ATTEMPTS = 30
const MAX_REASON = 1_000

export interface DeliveriesOptions {
  readonly places: Pick<DatasetsOptions, 'buckets' | 'inputs'>
  readonly outlet: MessageOutlet
  /** All datasets that have content. */
  readonly datasets: () => Iterable<readonly [dataset: string, versions: DatasetVersions]>
  readonly observer: PipelineObserver
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

interface Waiting {
  readonly id: string
  readonly dataset: string
  readonly versions: DatasetVersions
  readonly record: VersionRecord
  readonly index: number
  readonly delivery: DeliveryRecord
}

export class Deliveries {
  readonly #options: DeliveriesOptions
  readonly #buckets = new Map<string, FolderBucket | S3Bucket>()
  /** By the monotonic clock: after a failure a delivery waits. */
  readonly #notBefore = new Map<string, number>()
  readonly #stopped = new AbortController()
  #timer: Timer | undefined
  #working: Promise<void> | undefined

  constructor(options: DeliveriesOptions) {
    this.#options = options
  }

  /** Delivers what waits. To be called again when there is more. */
  wake(): void {
    if (this.#stopped.signal.aborted || this.#working !== undefined) return
    this.#timer?.cancel()
    this.#working = this.#work().finally(() => {
      this.#working = undefined
      this.#sleep()
    })
  }

  async close(): Promise<void> {
    this.#stopped.abort(new ConnectorError('Stopping', 'the connector is being stopped'))
    this.#timer?.cancel()
    await this.#working
    for (const bucket of this.#buckets.values()) {
      if (bucket instanceof S3Bucket) await bucket.close()
    }
  }

  async #work(): Promise<void> {
    for (;;) {
      const now = this.#options.clock.monotonic()
      const due = this.#waiting().find(({ id }) => (this.#notBefore.get(id) ?? 0) <= now)
      if (due === undefined || this.#stopped.signal.aborted) return
      await this.#attempt(due)
    }
  }

  /** Until the next one is to be tried again. */
  #sleep(): void {
    const times = this.#waiting().map(({ id }) => this.#notBefore.get(id) ?? 0)
    if (times.length === 0 || this.#stopped.signal.aborted) return
    const delayMs = Math.min(...times) - this.#options.clock.monotonic()
    this.#timer = this.#options.clock.after(Math.max(0, delayMs), () => this.wake())
  }

  #waiting(): Waiting[] {
    const found: Waiting[] = []
    const known = new Set<string>()
    for (const [dataset, versions] of this.#options.datasets()) {
      for (const record of versions.list()) {
        for (const [index, delivery] of record.deliveries.entries()) {
          if (delivery.state !== 'WAITING') continue
          const id = `${dataset} ${record.version} ${record.entries[delivery.entry ?? 0]?.file} ${index}`
          known.add(id)
          found.push({ id, dataset, versions, record, index, delivery })
        }
      }
    }
    for (const id of this.#notBefore.keys()) if (!known.has(id)) this.#notBefore.delete(id)
    return found
  }

  async #attempt(waiting: Waiting): Promise<void> {
    const { dataset, delivery } = waiting
    const { observer } = this.#options
    const name = nameOf(delivery)
    const attempts = delivery.attempts + 1
    try {
      await this.#deliver(waiting)
      await this.#note(waiting, { ...delivery, attempts, state: 'DELIVERED', reason: undefined })
      observer.contentDelivered(dataset, name)
    } catch (thrown) {
      if (this.#stopped.signal.aborted) return
      const error = asConnectorError(thrown, 'DeliveryFailed', `delivering to ${name}`)
      const isLast = error.effect !== 'retry' || attempts >= MAX_ATTEMPTS
      const delayMs = this.#delayAfter(attempts)
      this.#notBefore.set(waiting.id, this.#options.clock.monotonic() + delayMs)
      observer.deliveryFailed(dataset, name, error, isLast ? undefined : delayMs)
      const reason = cut(error.message, MAX_REASON)
      const state = isLast ? 'FAILED' : 'WAITING'
      // If it can't be stored, it is only forgotten at the next start.
      await this.#note(waiting, { ...delivery, attempts, state, reason }).catch(() => {})
    }
  }

  async #deliver({ dataset, versions, record, delivery }: Waiting): Promise<void> {
    const entry = record.entries[delivery.entry ?? 0]
    const target = this.#targetOf(delivery)
    if (target === undefined || entry === undefined) {
      const text = `the settings say nothing about ${nameOf(delivery)} any more`
      throw new ConnectorError('InvalidDataset', text)
    }
    const open = () => versions.openContent(entry)
    const content: DeliveredContent = {
      dataset,
      version: record.version,
      bytes: entry.bytes,
      read: () => partsOf({ entry, open }, 0, entry.bytes),
    }
    await target.deliver(content, this.#stopped.signal)
  }

  #targetOf({ target }: DeliveryRecord): ContentTarget | undefined {
    const { places, outlet, clock } = this.#options
    if ('bucket' in target) return this.#bucket(target.bucket)?.target(target.key)
    const topic = places.inputs[target.inputName]
    return topic === undefined ? undefined : new InputMessages(topic, outlet, clock)
  }

  #bucket(name: string): FolderBucket | S3Bucket | undefined {
    const known = this.#buckets.get(name)
    if (known !== undefined) return known
    const { folder, s3 } = this.#options.places.buckets[name] ?? {}
    if (folder === undefined && s3 === undefined) return undefined
    const bucket =
      s3 === undefined
        ? new FolderBucket(folder ?? '')
        : new S3Bucket({ ...this.#options, bucket: name, options: s3 })
    this.#buckets.set(name, bucket)
    return bucket
  }

  /** Nothing, if the version has other content by now: that is delivered itself. */
  async #note(
    { versions, record, index, delivery }: Waiting,
    noted: DeliveryRecord,
  ): Promise<void> {
    const fileOf = ({ entries }: VersionRecord) => entries[delivery.entry ?? 0]?.file
    await versions.change(record.version, (known) => {
      if (fileOf(known) !== fileOf(record)) return known
      return { ...known, deliveries: known.deliveries.with(index, noted) }
    })
  }

  #delayAfter(attempts: number): number {
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempts - 1))
    return ceiling / 2 + (ceiling / 2) * this.#options.random()
  }
}

function nameOf({ target }: DeliveryRecord): string {
  return 'bucket' in target ? target.bucket : target.inputName
}
