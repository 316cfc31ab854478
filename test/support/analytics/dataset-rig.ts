/** Datasets on rows in memory, with a clock that the test moves and a disk that it may break. */

import type { ContentQueries } from '../../../src/analytics/datasets/contracts/content-queries.ts'
import { Datasets, type DatasetsSettings } from '../../../src/analytics/datasets/datasets.ts'
import { datasetsOptions } from '../../../src/analytics/datasets/options.ts'
import type { Question, Reader } from '../../../src/analytics/query/query-runner.ts'
import {
  type DatasetDefinition,
  datasetDefinition,
} from '../../../src/analytics/resources/dataset-definition.ts'
import { datastoreDefinition } from '../../../src/analytics/resources/datastore-definition.ts'
import { ResourceStore } from '../../../src/analytics/resources/resource-store.ts'
import type { FileLayer } from '../../../src/channels/disk/files/file-layer.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { silentObserver } from '../../../src/observer.ts'
import { ManualClock } from '../manual-clock.ts'
import { settled } from '../settled.ts'

const PATIENCE_MS = 30_000

export interface MemoryRow {
  readonly id: number
  /** What the time expression gives; milliseconds since 1970. */
  readonly time: number
  readonly arrived: number
}

/** One datastore, `measured`; its result is the ids. */
export class MemoryRows implements ContentQueries {
  readonly rows: MemoryRow[] = []
  readonly questions: Question[] = []
  /** Thrown instead of a result. */
  failure: Error | undefined
  /** Awaited after half of the result. */
  halfway: (signal: AbortSignal) => Promise<void> = async () => {}

  async run(question: Question, { signal, onPart }: Reader): Promise<{ readonly rows: number }> {
    this.questions.push(question)
    const { from = -Infinity, until = Infinity } = question.datastoreRows ?? {}
    const { arrivedFrom = -Infinity, arrivedUntil = Infinity } = question.datastoreRows ?? {}
    const found = this.rows.filter(
      ({ time, arrived }) =>
        time >= from && time < until && arrived >= arrivedFrom && arrived < arrivedUntil,
    )
    await onPart(Buffer.from('"id"\n'))
    await this.halfway(signal)
    signal.throwIfAborted()
    if (this.failure !== undefined) throw this.failure
    await onPart(Buffer.from(found.map(({ id }) => `"${id}"\n`).join('')))
    return { rows: found.length }
  }
}

export interface DatasetRigOptions {
  readonly directory: string
  readonly files?: FileLayer
  readonly clock?: ManualClock
  readonly rows?: MemoryRows
  readonly options?: object
  readonly settings?: Partial<DatasetsSettings>
  /** Of the first version's id. */
  readonly firstId?: number
}

export const SQL = { queryAction: { sqlQuery: 'select id from measured' } }

/** @param definition in the form of the API */
export function definitionOf(definition: object): DatasetDefinition {
  return datasetDefinition.parse({ actions: [SQL], ...definition })
}

export function deltaDefinition(offsetSeconds: number, more: object = {}): DatasetDefinition {
  const filters = [{ deltaTime: { offsetSeconds, timeExpression: 'time' } }]
  const actions = [{ queryAction: { ...SQL.queryAction, filters } }]
  return definitionOf({ versioningConfiguration: { unlimited: true }, ...more, actions })
}

export class DatasetRig {
  readonly clock: ManualClock
  readonly rows: MemoryRows
  readonly resources: ResourceStore
  readonly datasets: Datasets
  readonly published: { readonly topic: string; readonly payload: string }[] = []
  readonly failures: ConnectorError[] = []
  readonly damages: string[] = []
  #lastId: number

  constructor(given: DatasetRigOptions) {
    const { directory, files, clock = new ManualClock(), rows = new MemoryRows() } = given
    this.clock = clock
    this.rows = rows
    this.#lastId = given.firstId ?? 0
    const onFiles = files === undefined ? {} : { files }
    const onDamage = (what: string) => void this.damages.push(what)
    this.resources = new ResourceStore({ directory, now: () => clock.now(), onDamage, ...onFiles })
    this.datasets = new Datasets({
      directory,
      options: datasetsOptions.parse(given.options ?? {}),
      resources: this.resources,
      queries: rows,
      datastores: { catchUp: async () => {} },
      outlet: {
        publish: (topic, payloads) => {
          for (const payload of payloads) this.published.push({ topic, payload: `${payload}` })
        },
      },
      owner: { region: 'us-east-1', account: '000000000000' },
      noRoom: async () => undefined,
      observer: {
        ...silentObserver,
        damageFound: (_channel, what) => onDamage(what),
        contentFailed: (_dataset, error) => void this.failures.push(error),
        deliveryFailed: (_dataset, _target, error) => void this.failures.push(error),
      },
      clock,
      random: () => 0.5,
      newId: () => `version-${String(++this.#lastId).padStart(8, '0')}`,
      ...onFiles,
      ...given.settings,
    })
  }

  async open(): Promise<this> {
    await this.resources.open()
    await this.datasets.open()
    return this
  }

  async define(name: string, definition: DatasetDefinition): Promise<void> {
    if (this.resources.datastores.get('measured') === undefined) {
      await this.resources.datastores.put('measured', {
        definition: datastoreDefinition.parse({}),
      })
    }
    await this.resources.datasets.put(name, { definition })
  }

  /** Moves time on in steps, and waits after each until nothing is left to do. */
  async advance(byMs: number, stepMs = byMs): Promise<void> {
    for (let done = 0; done < byMs; done += stepMs) {
      this.clock.advance(stepMs)
      await settled()
    }
  }

  /** Waits until the version is complete. */
  async completed(dataset: string, version: string | undefined): Promise<string> {
    for (const begun = performance.now(); performance.now() - begun < PATIENCE_MS; ) {
      const content = await this.datasets.content(dataset, version ?? '', 'http://host')
      if (content !== undefined && content.status.state !== 'CREATING') return content.status.state
      await new Promise((resolve) => setImmediate(resolve))
    }
    throw new Error(`expected the end of ${dataset} ${version}`)
  }

  /** Makes content and waits for its end. */
  async made(dataset: string): Promise<string> {
    const version = await this.datasets.createContent(dataset, undefined)
    await this.completed(dataset, version)
    return version ?? ''
  }

  /** The content behind its URL. */
  async read(dataset: string, version: string, entry = 0): Promise<string | undefined> {
    const content = await this.datasets.content(dataset, version, 'http://host')
    const uri = content?.entries[entry]?.dataURI
    return uri === undefined ? undefined : await this.get(uri)
  }

  async get(uri: string, range?: string): Promise<string> {
    const { body } = await this.request(uri, range)
    if (body === undefined || typeof body === 'string') return body ?? ''
    const parts: Buffer[] = []
    for await (const part of body) parts.push(part)
    return Buffer.concat(parts).toString()
  }

  request(uri: string, range?: string) {
    const { pathname, searchParams: query } = new URL(uri)
    const names = pathname.split('/').slice(-4).map(decodeURIComponent)
    const [dataset = '', version = '', entry = '', name = ''] = names
    const place = { dataset, version, entry, name }
    return this.datasets.openContent({ place, query, isHead: false, range })
  }

  /** The ids in the content of a version. */
  async ids(dataset: string, version: string): Promise<number[]> {
    const text = (await this.read(dataset, version)) ?? ''
    return text
      .split('\n')
      .slice(1, -1)
      .map((line) => Number(line.slice(1, -1)))
  }

  async states(dataset: string): Promise<string[]> {
    return (await this.datasets.contents(dataset)).map(({ status }) => status.state)
  }
}

export function failure(text = 'no such column'): ConnectorError {
  return new ConnectorError('InvalidQuery', text)
}
