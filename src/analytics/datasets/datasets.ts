/**
 * The contents of datasets: made on request, by schedule, or after another dataset; kept by the rules
 * of each dataset; given out by URL and delivered.
 *
 *     request ──┐
 *     schedule ─┼─▶ version (CREATING) ─▶ queue ─▶ action ─▶ version (SUCCEEDED) ─▶ deliveries
 *     dataset ──┘                                                    └─▶ datasets that it triggers
 */
import { join } from 'node:path'
import type { FileLayer } from '../../channels/disk/files/file-layer.ts'
import { nodeFileLayer } from '../../channels/disk/files/node-file-layer.ts'
import type { Clock, Timer } from '../../clock.ts'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import type {
  DatasetContent,
  DatasetRunner,
  DatasetVersion,
} from '../api/contracts/dataset-runner.ts'
import type { Datastores } from '../datastores/datastores.ts'
import { triggeringDatasetOf } from '../resources/dataset-definition.ts'
import { caseSafeName } from '../resources/resource-file.ts'
import type { ResourceStore } from '../resources/resource-store.ts'
import { ContainerAction } from './containers/container-action.ts'
import { ContentQueue } from './content-queue.ts'
import { SharedRoom } from './content-room.ts'
import { ContentRuns, type RunCause } from './content-runs.ts'
import type { MadeContent, MakingOf } from './contracts/content-making.ts'
import type { ContentQueries } from './contracts/content-queries.ts'
import type { MessageOutlet } from './contracts/message-outlet.ts'
import { DatasetSchedules } from './dataset-schedules.ts'
import { Deliveries } from './delivery/deliveries.ts'
import { plannedDeliveries } from './delivery/delivery-plan.ts'
import { LateData } from './late-data.ts'
import type { DatasetsOptions } from './options.ts'
import { deltaOf, QueryAction } from './query-action.ts'
import {
  type ContentAnswer,
  contentAnswer,
  faultAnswer,
  missingAnswer,
  type RangeHeaders,
} from './urls/content-answer.ts'
import { CONTENT_PATH, type ContentPlace, ContentUrls } from './urls/content-urls.ts'
import { openUrlKey } from './urls/url-key.ts'
import { DatasetVersions } from './versions/dataset-versions.ts'
import { expiredVersions } from './versions/expired-versions.ts'
import type { VersionRecord } from './versions/version-record.ts'

const DIRECTORY = 'datasets'
const KEEPING_MS = 3_600_000

export interface DatasetsSettings {
  /** The data directory, as an absolute path. */
  readonly directory: string
  readonly options: DatasetsOptions
  readonly resources: ResourceStore
  readonly queries: ContentQueries
  readonly datastores: Datastores
  readonly outlet: MessageOutlet
  /** In ARNs. */
  readonly owner: { readonly region: string; readonly account: string }
  /** Why nothing may be written now; undefined if it may. */
  readonly noRoom: () => Promise<string | undefined>
  readonly observer: PipelineObserver
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
  /** A UUID. */
  readonly newId: () => string
  /** For tests: another file system. */
  readonly files?: FileLayer
}

export interface ContentRequest extends RangeHeaders {
  readonly place: ContentPlace
  readonly query: URLSearchParams
  readonly isHead: boolean
}

export class Datasets implements DatasetRunner {
  readonly contentPath = CONTENT_PATH
  readonly #settings: DatasetsSettings
  readonly #files: FileLayer
  readonly #directory: string
  readonly #room: SharedRoom
  readonly #queue = new ContentQueue()
  readonly #versions = new Map<string, DatasetVersions>()
  readonly #query: QueryAction
  readonly #container: ContainerAction
  readonly #runs: ContentRuns
  readonly #deliveries: Deliveries
  readonly #schedules: DatasetSchedules
  readonly #late: LateData | undefined
  #urls: ContentUrls | undefined
  #keeping: Timer | undefined
  #isClosed = false

  constructor(settings: DatasetsSettings) {
    const { directory, options, resources, files = nodeFileLayer, clock } = settings
    this.#settings = settings
    this.#files = files
    this.#directory = join(directory, DIRECTORY)
    this.#room = new SharedRoom({ ...settings, maxBytes: options.maxBytes })
    const isDatastore = (name: string) => resources.datastores.get(name) !== undefined
    this.#query = new QueryAction({ ...settings, isDatastore })
    this.#container = new ContainerAction({
      directory: this.#directory,
      containers: options.containers,
      latestContentOf: (dataset) => this.#latestContentOf(dataset),
      roomLeft: () => options.maxBytes - this.#room.bytes,
      files,
      clock,
    })
    this.#runs = new ContentRuns({
      ...settings,
      queue: this.#queue,
      datasetOf: (name) => resources.datasets.get(name),
      make: (making) => this.#make(making),
      deliveriesOf: (definition, version) => plannedDeliveries(definition, version, options),
      onComplete: (dataset, version) => this.#completed(dataset, version),
    })
    this.#deliveries = new Deliveries({
      ...settings,
      places: options,
      datasets: () => this.#versions,
    })
    const scheduled = {
      list: () => resources.datasets.list(),
      lastRunOf: (dataset: string) => this.#versions.get(dataset)?.progress.scheduledAt,
      run: async (dataset: string, scheduledAt: number) => {
        // The one that waits for its turn comes first; then this time, or a later one, is made up for.
        if (this.#queue.isWaiting(dataset)) return
        await this.#begin(dataset, { cause: 'schedule', scheduledAt })
      },
      failed: (dataset: string, thrown: unknown) => this.#report(dataset, thrown),
    }
    this.#schedules = new DatasetSchedules(scheduled, clock)
    const { notificationTopic: topic } = options
    const datasets = () => this.#defined()
    this.#late =
      topic === undefined ? undefined : new LateData({ ...settings, topic, isDatastore, datasets })
  }

  /** Goes on with what waited when the connector ended. @throws {ConnectorError} StorageFailed */
  async open(): Promise<void> {
    this.#urls = new ContentUrls(await openUrlKey(this.#files, this.#directory))
    await this.#container.open()
    for (const { name } of this.#settings.resources.datasets.list()) await this.#open(name)
    for (const [dataset, versions] of this.#versions) {
      const waiting = versions.list().filter(({ state }) => state === 'CREATING')
      for (const { version } of [...waiting].reverse())
        this.#runs.enqueue(dataset, versions, version)
    }
    for (const name of this.#versions.keys()) await this.#triggerMissed(name)
    await this.#keep()
    this.#schedules.start()
    this.#late?.start()
    this.#deliveries.wake()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#keeping?.cancel()
    await this.#schedules.close()
    await Promise.all([this.#queue.close(), this.#late?.close(), this.#deliveries.close()])
  }

  async createContent(dataset: string, versionId: string | undefined): Promise<string | undefined> {
    const versions = await this.#open(dataset)
    if (versionId === undefined)
      return await this.#runs.begin(dataset, versions, { cause: 'request' })
    const resource = this.#settings.resources.datasets.get(dataset)
    if (resource === undefined || deltaOf(resource.definition) === undefined) {
      const text = `versionId: expected none, because ${dataset} has no deltaTime filter`
      throw new ConnectorError('InvalidDataset', text)
    }
    if (versions.get(versionId) === undefined) return undefined
    this.#queue.expectPlace()
    if (!this.#queue.has(dataset, versionId)) this.#runs.enqueue(dataset, versions, versionId)
    return versionId
  }

  async content(
    dataset: string,
    version: string,
    origin: string,
  ): Promise<DatasetContent | undefined> {
    const record = this.#find(dataset, version)
    if (record === undefined) return undefined
    const base = this.#settings.options.url?.replace(/\/+$/, '') ?? origin
    const now = this.#settings.clock.now()
    const entries = record.entries.map(({ name }, entry) => {
      const place = { dataset, version: record.version, entry: String(entry), name }
      return { entryName: name, dataURI: this.#urls?.urlOf(place, base, now) ?? '' }
    })
    return { entries, createdAt: record.createdAt, status: this.#statusOf(dataset, record) }
  }

  async contents(dataset: string): Promise<readonly DatasetVersion[]> {
    const all = this.#versions.get(dataset)?.list() ?? []
    return all.map((record) => {
      const { version, createdAt, scheduledAt, completedAt } = record
      const status = this.#statusOf(dataset, record)
      return { version, status, createdAt, scheduledAt, completedAt }
    })
  }

  async deleteContent(dataset: string, version: string): Promise<boolean> {
    const record = this.#find(dataset, version)
    if (record === undefined) return false
    await this.#queue.cancel(dataset, record.version)
    await this.#versions.get(dataset)?.remove(record.version)
    return true
  }

  async removed(dataset: string): Promise<void> {
    await this.#queue.cancel(dataset)
    const versions = await this.#open(dataset)
    await versions.removeAll()
    this.#versions.delete(dataset)
  }

  /** Never rejects because of what is asked. */
  async openContent({ place, query, isHead, ...headers }: ContentRequest): Promise<ContentAnswer> {
    const now = this.#settings.clock.now()
    const fault = this.#urls === undefined ? 'forged' : this.#urls.faultOf(place, query, now)
    if (fault !== undefined) return faultAnswer(fault)
    const versions = this.#versions.get(place.dataset)
    const entry = versions?.get(place.version)?.entries[Number(place.entry)]
    if (versions === undefined || entry === undefined) return missingAnswer()
    return contentAnswer({ entry, open: () => versions.openContent(entry) }, headers, isHead)
  }

  async #open(dataset: string): Promise<DatasetVersions> {
    const known = this.#versions.get(dataset)
    if (known !== undefined) return known
    const versions = new DatasetVersions({
      directory: join(this.#directory, caseSafeName(dataset)),
      files: this.#files,
      room: this.#room,
      onDamage: (what) => this.#settings.observer.damageFound(`__${DIRECTORY}`, what),
    })
    await versions.open()
    // Another caller may have been quicker.
    const other = this.#versions.get(dataset)
    if (other === undefined) this.#versions.set(dataset, versions)
    return other ?? versions
  }

  /** Never rejects: what can't be begun is reported. */
  async #begin(dataset: string, cause: RunCause): Promise<void> {
    try {
      await this.#runs.begin(dataset, await this.#open(dataset), cause)
    } catch (thrown) {
      this.#report(dataset, thrown)
    }
  }

  #make(making: MakingOf): Promise<MadeContent> {
    const [action] = making.definition.actions
    if (action?.containerAction !== undefined) {
      return this.#container.make(action.containerAction, making)
    }
    return this.#query.make(action?.queryAction?.sqlQuery ?? '', making)
  }

  async #completed(
    dataset: string,
    { state, scheduledAt, completedAt }: VersionRecord,
  ): Promise<void> {
    await this.#expire(dataset)
    if (state !== 'SUCCEEDED' || this.#isClosed) return
    this.#deliveries.wake()
    for (const { name, definition } of this.#settings.resources.datasets.list()) {
      if (triggeringDatasetOf(definition) !== dataset) continue
      await this.#begin(name, { cause: 'dataset', scheduledAt, triggeredAt: completedAt ?? 0 })
    }
  }

  /** The connector may have ended between content and the run that it triggers. */
  async #triggerMissed(name: string): Promise<void> {
    const resource = this.#settings.resources.datasets.get(name)
    const trigger = resource && triggeringDatasetOf(resource.definition)
    if (resource === undefined || trigger === undefined) return
    const { completedAt = 0, scheduledAt = 0 } = this.#versions.get(trigger)?.latestSucceeded ?? {}
    const { triggeredAt = 0 } = this.#versions.get(name)?.progress ?? {}
    if (completedAt <= Math.max(triggeredAt, resource.updatedAt)) return
    await this.#begin(name, { cause: 'dataset', scheduledAt, triggeredAt: completedAt })
  }

  async #keep(): Promise<void> {
    for (const dataset of this.#versions.keys()) await this.#expire(dataset)
    if (this.#isClosed) return
    this.#keeping = this.#settings.clock.after(KEEPING_MS, () => void this.#keep())
  }

  /** Never rejects: what can't be removed now is tried again later. */
  async #expire(dataset: string): Promise<void> {
    const versions = this.#versions.get(dataset)
    const resource = this.#settings.resources.datasets.get(dataset)
    if (versions === undefined || resource === undefined) return
    const now = this.#settings.clock.now()
    try {
      for (const { version } of expiredVersions(versions.list(), resource.definition, now)) {
        if (!this.#queue.has(dataset, version)) await versions.remove(version)
      }
    } catch (thrown) {
      this.#report(dataset, thrown)
    }
  }

  #report(dataset: string, thrown: unknown): void {
    const error = asConnectorError(thrown, 'Unexpected', `the contents of ${dataset}`)
    this.#settings.observer.contentFailed(dataset, error)
  }

  *#defined() {
    for (const resource of this.#settings.resources.datasets.list()) {
      const versions = this.#versions.get(resource.name)
      if (versions !== undefined) yield [resource, versions] as const
    }
  }

  #find(dataset: string, version: string): VersionRecord | undefined {
    const versions = this.#versions.get(dataset)
    if (version === '$LATEST') return versions?.latest
    return version === '$LATEST_SUCCEEDED' ? versions?.latestSucceeded : versions?.get(version)
  }

  /** Content that is being made again has its old content meanwhile. */
  #statusOf(dataset: string, { version, state, reason }: VersionRecord): DatasetContent['status'] {
    if (this.#queue.has(dataset, version)) return { state: 'CREATING' }
    return reason === undefined ? { state } : { state, reason }
  }

  #latestContentOf(dataset: string): string | undefined {
    const file = this.#versions.get(dataset)?.latestSucceeded?.entries[0]?.file
    return file && join(this.#directory, caseSafeName(dataset), file)
  }
}
