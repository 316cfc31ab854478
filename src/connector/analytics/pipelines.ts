/** Starts what runs pipelines and feeds datastores, if the API is configured. */
import { resolve } from 'node:path'
import type { DatastoreData } from '../../analytics/api/contracts/datastore-data.ts'
import type { PipelineRunner } from '../../analytics/api/contracts/pipeline-runner.ts'
import type { Datastores } from '../../analytics/datastores/datastores.ts'
import { endsOf } from '../../analytics/datastores/feed-options.ts'
import {
  declaredSchemaOf,
  partitionsOf,
} from '../../analytics/datastores/schema/declared-schema.ts'
import type { ResourceStore } from '../../analytics/resources/resource-store.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import { awsEnvironment } from '../../config/inputs/aws-environment.ts'
import { ConnectorError, messageOf } from '../../errors.ts'
import type { OpenedStorage } from '../opened-storage.ts'
import type { PartContext } from '../parts.ts'
import { noRoom } from './tables.ts'

/** Node, DuckDB, and the messages of a batch. Each function has a process of its own, and as much. */
const WORKER_BYTES = 1024 * 1024 * 1024
const WORKER_NICENESS = 10
/** A trial of an activity does not wait for the pipelines. */
const JOBS_AT_ONCE = 2
/** Functions stay that long too. */
const WORKER_IDLE_MS = 60_000

export interface RunningPipelines {
  readonly runner: PipelineRunner
  readonly datastores: Datastores
  readonly datastoreData: DatastoreData
  close(): Promise<void>
}

/** Undefined without the API, which defines pipelines. */
export async function startPipelines(
  { analytics, storage: { directory: given, durability } }: ConnectorConfig,
  storage: OpenedStorage,
  resources: ResourceStore | undefined,
  context: PartContext & { readonly connectorId: string },
): Promise<RunningPipelines | undefined> {
  if (resources === undefined || durability !== 'disk') return undefined
  const { WorkerProcess } = await import('../../analytics/worker/worker-process.ts')
  const { WORKER_PROGRAM } = await import('../../analytics/worker-program.ts')
  const { ActivityRunner } = await import('../../analytics/pipelines/activity-runner.ts')
  const { pipelineSettings } = await import('../../analytics/pipelines/pipeline-settings.ts')
  const { DatastoreFeeds } = await import('../../analytics/datastores/feeds.ts')
  const { DatastoreKeeping } = await import('../../analytics/datastores/keeping.ts')
  const { pipelines: options } = analytics
  const directory = resolve(given)
  const jobs = new WorkerProcess({
    program: WORKER_PROGRAM,
    memoryBytes: WORKER_BYTES,
    niceness: WORKER_NICENESS,
    idleMs: WORKER_IDLE_MS,
    jobsAtOnce: JOBS_AT_ONCE,
    environment: asksAws(options) ? awsEnvironment() : {},
    onLog: (source, line) => context.observer.pipelineLogged(source, line),
  })
  const settings = pipelineSettings(options)
  const activities = new ActivityRunner({ settings, jobs })
  const datastore = (name: string) => resources.datastores.get(name)?.definition
  const shared = { ...context, directory, datastore, jobs }
  const keeping = new DatastoreKeeping({
    ...shared,
    maxBytes: options.maxBytes,
    longestQueryMs: analytics.query.timeout,
  })
  const feeds = new DatastoreFeeds({
    ...shared,
    settings,
    keeping,
    log: (channel) => feedLog(storage, channel),
    pipelines: () => resources.pipelines.list(),
    noRoom: async () => (await keeping.noRoom()) ?? noRoom(storage, directory),
    intervalMs: options.interval,
  })
  await feeds.start()
  return {
    runner: {
      check: (pipeline, definition) => {
        activities.check(pipeline, definition)
        expectUsable(resources, endsOf(definition).datastore)
      },
      runActivity: (activity, payloads) => activities.runActivity(activity, payloads),
      startReprocessing: (pipeline, asked) => feeds.startReprocessing(pipeline, asked),
      cancelReprocessing: (pipeline, id) => feeds.cancelReprocessing(pipeline, id),
      reprocessings: (pipeline) => feeds.reprocessings(pipeline),
      removed: (pipeline) => feeds.pipelineRemoved(pipeline),
    },
    datastores: feeds,
    datastoreData: {
      bytes: (name) => keeping.bytesOf(name),
      remove: (name) => feeds.removeDatastore(name),
    },
    close: async () => {
      // A job that is killed leaves nothing that the next start would not tidy up.
      await Promise.all([feeds.close(), jobs.close()])
    },
  }
}

function feedLog({ channels }: OpenedStorage, channel: string) {
  const log = channels.get(channel)?.log
  if (log === undefined || log.isVolatile) return undefined
  const { id: logId, start, committed } = log
  return { logId, start, committed, offsetAt: (time: number) => log.offsetAt(time) }
}

/** @throws {ConnectorError} InvalidPipeline for columns or partitions that can't be made */
function expectUsable({ datastores }: ResourceStore, name: string): void {
  const definition = datastores.get(name)?.definition
  if (definition === undefined) return
  try {
    declaredSchemaOf(definition)
    partitionsOf(definition)
  } catch (cause) {
    const text = `the datastore ${name} can’t be used: ${messageOf(cause)}`
    throw new ConnectorError('InvalidPipeline', text, { cause })
  }
}

function asksAws({ registry, shadows }: ConnectorConfig['analytics']['pipelines']): boolean {
  return registry?.aws !== undefined || shadows?.aws !== undefined
}
