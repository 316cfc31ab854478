/**
 * Finds messages that arrived after the content was made that their time belongs to, and reports the
 * versions. Content that is made again has them.
 */
import type { Clock, Timer } from '../../clock.ts'
import { asConnectorError } from '../../errors.ts'
import { timeText } from '../../iso-time.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { Datastores } from '../datastores/datastores.ts'
import { quotedName } from '../duckdb/sql-text.ts'
import type { DatasetDefinition } from '../resources/dataset-definition.ts'
import type { Resource } from '../resources/resource-file.ts'
import type { ContentQueries } from './contracts/content-queries.ts'
import type { MessageOutlet } from './contracts/message-outlet.ts'
import { COMMIT_MS, datastoresIn, rowsOf } from './query-action.ts'
import type { DatasetVersions } from './versions/dataset-versions.ts'
import type { VersionRecord } from './versions/version-record.ts'

const MINUTE_MS = 60_000

export interface LateDataOptions {
  readonly queries: ContentQueries
  readonly datastores: Datastores
  readonly isDatastore: (name: string) => boolean
  readonly outlet: MessageOutlet
  readonly topic: string
  readonly owner: { readonly region: string; readonly account: string }
  readonly datasets: () => Iterable<readonly [Resource<DatasetDefinition>, DatasetVersions]>
  readonly newId: () => string
  readonly observer: PipelineObserver
  readonly clock: Clock
}

/** A version whose window may have late rows. */
interface Window {
  readonly version: string
  readonly from: number | undefined
  readonly until: number
  readonly arrivedUntil: number
}

export class LateData {
  readonly #options: LateDataOptions
  readonly #stopped = new AbortController()
  #timer: Timer | undefined
  #checking: Promise<void> = Promise.resolve()

  constructor(options: LateDataOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = this.#options.clock.after(MINUTE_MS, () => {
      this.#checking = this.check().finally(() => {
        if (!this.#stopped.signal.aborted) this.start()
      })
    })
  }

  async close(): Promise<void> {
    this.#stopped.abort()
    this.#timer?.cancel()
    await this.#checking
  }

  /** Looks at every dataset whose time has come. Never rejects. */
  async check(): Promise<void> {
    const { observer } = this.#options
    for (const [dataset, versions] of this.#options.datasets()) {
      try {
        await this.#checkDataset(dataset, versions)
      } catch (thrown) {
        if (this.#stopped.signal.aborted) return
        // It is tried again in a minute, for all that arrived since.
        const error = asConnectorError(thrown, 'Unexpected', 'looking for late data')
        observer.contentFailed(dataset.name, error)
      }
    }
  }

  async #checkDataset(
    dataset: Resource<DatasetDefinition>,
    versions: DatasetVersions,
  ): Promise<void> {
    const { clock, datastores, isDatastore, outlet, topic } = this.#options
    const { definition } = dataset
    const [rule] = definition.lateDataRules ?? []
    const sql = definition.actions[0]?.queryAction?.sqlQuery
    if (rule === undefined || sql === undefined) return
    const now = clock.now() - COMMIT_MS
    const { timeoutInMinutes = 1 } =
      rule.ruleConfiguration.deltaTimeSessionWindowConfiguration ?? {}
    const since = versions.progress.lateUntil ?? firstTime(versions)
    if (since === undefined || now < since + timeoutInMinutes * MINUTE_MS) return
    const named = datastoresIn(sql, isDatastore)
    await datastores.catchUp(named, this.#stopped.signal)
    const windows = versions.list().flatMap((version) => windowsOf(version, since))
    const late = await this.#late(definition, named, windows, now)
    if (late.length > 0) {
      outlet.publish(topic, [this.#notification(dataset, rule.ruleName, late)])
    }
    // Afterwards: a report that is sent twice is better than none.
    await versions.putProgress({ lateUntil: now })
  }

  /** The versions that have late rows: those of few windows are looked for only if some have any. */
  async #late(
    definition: DatasetDefinition,
    datastores: readonly string[],
    windows: readonly Window[],
    now: number,
  ): Promise<string[]> {
    if (windows.length === 0 || !(await this.#hasRows(definition, datastores, windows, now))) {
      return []
    }
    if (windows.length === 1) return windows.map(({ version }) => version)
    const middle = Math.ceil(windows.length / 2)
    const halves = [windows.slice(0, middle), windows.slice(middle)]
    const found: string[] = []
    for (const half of halves) found.push(...(await this.#late(definition, datastores, half, now)))
    return found
  }

  /** Of several windows: those from the first to the last, which may be more than the windows. */
  async #hasRows(
    definition: DatasetDefinition,
    datastores: readonly string[],
    windows: readonly Window[],
    now: number,
  ): Promise<boolean> {
    const { queries } = this.#options
    const signal = this.#stopped.signal
    const froms = windows.map(({ from }) => from)
    const from = froms.includes(undefined) ? undefined : Math.min(...froms.map((one) => one ?? 0))
    const until = Math.max(...windows.map((window) => window.until))
    const arrivedFrom = Math.min(...windows.map(({ arrivedUntil }) => arrivedUntil))
    const datastoreRows = { ...rowsOf(definition, { from, until }), arrivedFrom, arrivedUntil: now }
    for (const name of datastores) {
      const sql = `select 1 from ${quotedName(name)} limit 1`
      const question = { sql, format: 'quotedCsv', dialect: 'athena', datastoreRows } as const
      const { rows } = await queries.run(question, { signal, onPart: () => {} })
      if (rows > 0) return true
    }
    return false
  }

  /** As EventBridge has it. */
  #notification({ name }: Resource<DatasetDefinition>, rule: string | undefined, ids: string[]) {
    const { owner, clock, newId } = this.#options
    const { region, account } = owner
    const event = {
      version: '0',
      id: newId(),
      'detail-type': 'IoT Analytics Dataset Lifecycle Notification',
      source: 'aws.iotanalytics',
      account,
      time: `${timeText(clock.now()).slice(0, -'.000Z'.length)}Z`,
      region,
      resources: [`arn:aws:iotanalytics:${region}:${account}:dataset/${name}`],
      detail: {
        'event-detail-version': '1.0',
        'dataset-name': name,
        'late-data-rule-name': rule ?? null,
        'version-ids': ids,
        message: null,
      },
    }
    return Buffer.from(JSON.stringify(event))
  }
}

/** When the first version was made; undefined if there is none. */
function firstTime(versions: DatasetVersions): number | undefined {
  const times = versions.list().flatMap(({ arrivedUntil }) => arrivedUntil ?? [])
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Rows that arrived before `since` have been looked for already. */
function windowsOf(record: VersionRecord, since: number): Window[] {
  const { version, state, window, arrivedUntil } = record
  if (state !== 'SUCCEEDED' || window === undefined || arrivedUntil === undefined) return []
  return [
    {
      version,
      from: window.from,
      until: window.until,
      arrivedUntil: Math.max(arrivedUntil, since),
    },
  ]
}
