/** The API on an HTTP server, with fakes of channels and of what runs pipelines and datasets. */
import type { TestContext } from 'node:test'
import type {
  ChannelData,
  ChannelFacts,
  SampledMessages,
} from '../../../src/analytics/api/contracts/channel-data.ts'
import type {
  DatasetContent,
  DatasetRunner,
  DatasetVersion,
} from '../../../src/analytics/api/contracts/dataset-runner.ts'
import type {
  PipelineRunner,
  ReprocessedMessages,
  Reprocessing,
} from '../../../src/analytics/api/contracts/pipeline-runner.ts'
import {
  IotAnalyticsApi,
  type IotAnalyticsApiSettings,
} from '../../../src/analytics/api/iot-analytics-api.ts'
import { apiOptions } from '../../../src/analytics/api/options.ts'
import { ResourceStore } from '../../../src/analytics/resources/resource-store.ts'
import type { ConnectorError } from '../../../src/errors.ts'
import { silentObserver } from '../../../src/observer.ts'
import { serve } from '../http/served-view.ts'
import { ManualClock } from '../manual-clock.ts'
import { temporaryDirectory } from '../processes/running-connector.ts'

/** Channels whose messages are in lists. */
export class ListedChannels implements ChannelData {
  readonly #messages = new Map<string, { readonly at: number; readonly payload: Buffer }[]>()

  add(channel: string, at: number, payload: string): void {
    const messages = this.#messages.get(channel) ?? []
    this.#messages.set(channel, [...messages, { at, payload: Buffer.from(payload) }])
  }

  names(): readonly string[] {
    return [...this.#messages.keys()]
  }

  async facts(channel: string): Promise<ChannelFacts | undefined> {
    const messages = this.#messages.get(channel)
    if (messages === undefined) return undefined
    const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0)
    return { bytes, firstArrival: messages[0]?.at, lastArrival: messages.at(-1)?.at }
  }

  async sample(channel: string, asked: SampledMessages): Promise<readonly Buffer[]> {
    const { from, until, maxMessages } = asked
    const messages = this.#messages.get(channel) ?? []
    const within = messages.filter(({ at }) => at >= from && at < until)
    return within.slice(-maxMessages).map(({ payload }) => payload)
  }
}

/** Gives payloads back as they are, and remembers runs. */
export class EchoingPipelines implements PipelineRunner {
  readonly asked: ReprocessedMessages[] = []
  /** Of `check`, if the definition is refused. */
  refusal: ConnectorError | undefined
  readonly #runs: Reprocessing[] = []

  check(): void {
    if (this.refusal !== undefined) throw this.refusal
  }

  async runActivity(_activity: unknown, payloads: readonly Buffer[]) {
    return { payloads, logResult: '' }
  }

  async startReprocessing(_pipeline: string, asked: ReprocessedMessages): Promise<string> {
    this.asked.push(asked)
    const id = `run-${this.#runs.length}`
    this.#runs.unshift({ id, status: 'RUNNING', createdAt: 1_700_000_000_000 })
    return id
  }

  async removed(): Promise<void> {}

  async cancelReprocessing(_pipeline: string, id: string): Promise<boolean> {
    const index = this.#runs.findIndex((run) => run.id === id)
    const run = this.#runs[index]
    if (run === undefined) return false
    this.#runs[index] = { ...run, status: 'CANCELLED' }
    return true
  }

  reprocessings(): readonly Reprocessing[] {
    return this.#runs
  }
}

/** Makes a version for each request, one second after the other. */
export class CountedContents implements DatasetRunner {
  #versions: DatasetVersion[] = []
  #made = 0

  async createContent(_dataset: string, versionId: string | undefined): Promise<string> {
    const at = 1_700_000_000_000 + this.#made * 1_000
    const version = versionId ?? `version-${this.#made}`
    this.#made += 1
    const status = { state: 'SUCCEEDED' } as const
    const times = { createdAt: at, scheduledAt: at, completedAt: at + 500 }
    this.#versions = [{ version, status, ...times }, ...this.#versions]
    return version
  }

  async content(_dataset: string, version: string): Promise<DatasetContent | undefined> {
    const found = this.#find(version)
    if (found === undefined) return undefined
    const { createdAt, status } = found
    const dataURI = `http://127.0.0.1/datasets/${found.version}`
    return { entries: [{ entryName: 'result.csv', dataURI }], createdAt, status }
  }

  async contents(): Promise<readonly DatasetVersion[]> {
    return this.#versions
  }

  async deleteContent(_dataset: string, version: string): Promise<boolean> {
    const found = this.#find(version)
    this.#versions = this.#versions.filter((one) => one !== found)
    return found !== undefined
  }

  async removed(): Promise<void> {
    this.#versions = []
  }

  #find(version: string): DatasetVersion | undefined {
    if (version.startsWith('$LATEST')) return this.#versions[0]
    return this.#versions.find((one) => one.version === version)
  }
}

type Settings = Partial<Omit<IotAnalyticsApiSettings, 'channelData'>>

/** An API on a directory of its own, for an HTTP server. */
export async function makeApi(t: TestContext, settings: Settings = {}) {
  const clock = new ManualClock()
  const directory = await temporaryDirectory(t)
  const damages: string[] = []
  const resources = new ResourceStore({
    directory,
    now: () => clock.now(),
    onDamage: (what) => damages.push(what),
  })
  await resources.open()
  const channelData = new ListedChannels()
  const api = new IotAnalyticsApi({
    options: apiOptions.parse({}),
    resources,
    channelData,
    observer: silentObserver,
    clock,
    ...settings,
  })
  await api.start()
  t.after(() => api.close())
  return { api, clock, directory, damages, channelData }
}

export async function serveApi(t: TestContext, settings: Settings = {}) {
  const made = await makeApi(t, settings)
  const { url } = await serve(t, {}, { api: made.api })
  return { ...made, url }
}
