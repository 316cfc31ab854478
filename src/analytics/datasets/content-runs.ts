/**
 * The life of a version, from the request to the end:
 *
 *     CREATING ─▶ (waits) ─▶ made ─▶ SUCCEEDED
 *        ▲                    └────▶ FAILED, with a reason
 *        └── at the next start, if the connector ended meanwhile
 *
 * Content and window become visible with the one write that says SUCCEEDED.
 */
import type { Clock } from '../../clock.ts'
import { asConnectorError, ConnectorError, systemCodeOf, writeReasonOf } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import { cut } from '../../shown-text.ts'
import type { DatasetDefinition } from '../resources/dataset-definition.ts'
import type { Resource } from '../resources/resource-file.ts'
import type { ContentQueue } from './content-queue.ts'
import type { MadeContent, MakingOf } from './contracts/content-making.ts'
import type { DatasetVersions } from './versions/dataset-versions.ts'
import { bytesOf, type DeliveryRecord, type VersionRecord } from './versions/version-record.ts'

/** Content that ends the connector each time is not made again and again. */
const MAX_ATTEMPTS = 3
const MAX_REASON = 2_000

export interface ContentRunsOptions {
  readonly queue: ContentQueue
  /** Undefined if there is no such dataset any more. */
  readonly datasetOf: (name: string) => Resource<DatasetDefinition> | undefined
  readonly make: (making: MakingOf) => Promise<MadeContent>
  readonly deliveriesOf: (
    definition: DatasetDefinition,
    version: VersionRecord,
  ) => readonly DeliveryRecord[]
  /** Called when a version is complete, whether or not it has succeeded. Never rejects. */
  readonly onComplete: (dataset: string, version: VersionRecord) => Promise<void>
  readonly newId: () => string
  readonly observer: PipelineObserver
  readonly clock: Clock
}

/** Why content is made. */
export type RunCause = Pick<VersionRecord, 'cause'> & {
  /** Default: now. */
  readonly scheduledAt?: number
  readonly triggeredAt?: number
}

export class ContentRuns {
  readonly #options: ContentRunsOptions

  constructor(options: ContentRunsOptions) {
    this.#options = options
  }

  /** Resolves with the version's id once it is stored. @throws {ConnectorError} */
  async begin(dataset: string, versions: DatasetVersions, cause: RunCause): Promise<string> {
    const { queue, clock, newId } = this.#options
    queue.expectPlace()
    const createdAt = clock.now()
    const record: VersionRecord = {
      version: newId(),
      state: 'CREATING',
      createdAt,
      scheduledAt: createdAt,
      ...cause,
      attempts: 0,
      entries: [],
      deliveries: [],
    }
    await versions.put(record)
    this.enqueue(dataset, versions, record.version)
    return record.version
  }

  /** Makes a version that is stored, for the first time or again. */
  enqueue(dataset: string, versions: DatasetVersions, version: string): void {
    const run = (signal: AbortSignal) => this.#run(dataset, versions, version, signal)
    this.#options.queue.add({ dataset, version, run })
  }

  /** Never rejects. */
  async #run(
    dataset: string,
    versions: DatasetVersions,
    version: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { datasetOf, clock, onComplete } = this.#options
    const resource = datasetOf(dataset)
    const record = versions.get(version)
    if (record === undefined || resource === undefined) return
    const began = clock.monotonic()
    let complete: VersionRecord | undefined
    try {
      expectAttempt(record)
      complete = await this.#make(resource, versions, record, signal)
      if (complete === undefined) return
      const figures = { bytes: bytesOf(complete), durationMs: clock.monotonic() - began }
      this.#options.observer.contentMade(dataset, figures)
    } catch (thrown) {
      // It was not the content's fault. A count that can't be written stays as it is.
      if (signal.aborted) return void (await countedBack(versions, record).catch(() => {}))
      complete = await this.#fail(dataset, versions, version, thrown)
    }
    if (complete !== undefined) await onComplete(dataset, complete)
  }

  /** Undefined if the version has been removed meanwhile. */
  async #make(
    { definition, createdAt }: Resource<DatasetDefinition>,
    versions: DatasetVersions,
    { version }: VersionRecord,
    signal: AbortSignal,
  ): Promise<VersionRecord | undefined> {
    const { make, clock, deliveriesOf } = this.#options
    const record = await versions.change(version, (known) => {
      return { ...known, attempts: known.attempts + 1 }
    })
    if (record === undefined) return undefined
    const made = await make({ definition, since: createdAt, versions, record, signal })
    try {
      signal.throwIfAborted()
      const complete = await versions.change(version, ({ reason: _reason, ...known }) => {
        const content = { ...known, ...made, state: 'SUCCEEDED', completedAt: clock.now() } as const
        return { ...content, deliveries: [...deliveriesOf(definition, content)] }
      })
      if (complete === undefined) await versions.removeContent(made.entries)
      return complete
    } catch (thrown) {
      await versions.removeContent(made.entries)
      throw thrown
    }
  }

  /** A version that had content before keeps it. */
  async #fail(
    dataset: string,
    versions: DatasetVersions,
    version: string,
    thrown: unknown,
  ): Promise<VersionRecord | undefined> {
    const { clock, observer } = this.#options
    const error = contentError(thrown)
    observer.contentFailed(dataset, error)
    const reason = cut(error.message, MAX_REASON)
    const completedAt = clock.now()
    const failed = (record: VersionRecord): VersionRecord =>
      record.state === 'SUCCEEDED'
        ? { ...record, reason: `Making it again has failed: ${reason}` }
        : { ...record, state: 'FAILED', completedAt, reason }
    return await versions.change(version, failed).catch(() => {
      // A disk that takes no content takes no reason either.
      const record = versions.get(version)
      if (record === undefined) return undefined
      versions.putInMemory(failed(record))
      return failed(record)
    })
  }
}

function countedBack(versions: DatasetVersions, { version, attempts }: VersionRecord) {
  return versions.change(version, (record) => {
    return record.attempts === attempts ? record : { ...record, attempts }
  })
}

function expectAttempt({ attempts, state }: VersionRecord): void {
  if (state !== 'CREATING' || attempts < MAX_ATTEMPTS) return
  const text = `the connector was ended ${attempts} times while it made this content, so it is not tried again`
  throw new ConnectorError('Unexpected', text)
}

function contentError(thrown: unknown): ConnectorError {
  const isOwn = thrown instanceof ConnectorError || systemCodeOf(thrown) === undefined
  if (isOwn) return asConnectorError(thrown, 'Unexpected', 'making the content')
  const text = `the content can’t be written: ${writeReasonOf(thrown)}`
  return new ConnectorError('StorageFailed', text, { cause: thrown })
}
