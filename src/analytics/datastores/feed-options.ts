/** What is needed to run pipelines on the messages of channels. */
import type { Clock } from '../../clock.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { PipelineSettings } from '../pipelines/pipeline-settings.ts'
import type { DatastoreDefinition } from '../resources/datastore-definition.ts'
import type { PipelineDefinition } from '../resources/pipeline-definition.ts'
import type { JobRunner } from '../tables/converter.ts'

/** A channel's log, as far as it matters here. */
export interface FeedLog {
  readonly logId: string
  /** The oldest offset that is held. */
  readonly start: number
  /** Messages below are durable. */
  readonly committed: number
  /** The first offset received at or after the time; else `committed`. */
  offsetAt(time: number): Promise<number>
}

export interface FedPipeline {
  readonly name: string
  readonly createdAt: number
  readonly definition: PipelineDefinition
}

export interface FeedOptions {
  /** The data directory. */
  readonly directory: string
  readonly connectorId: string
  /** Undefined if the channel has never had a message. */
  readonly log: (channel: string) => FeedLog | undefined
  readonly datastore: (name: string) => DatastoreDefinition | undefined
  /** Why nothing may be written now; undefined if it may. */
  readonly noRoom: () => Promise<string | undefined>
  readonly jobs: JobRunner
  readonly settings: PipelineSettings
  /** How long messages wait for others. */
  readonly intervalMs: number
  readonly observer: PipelineObserver
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

/** The channel and the datastore of a valid pipeline. */
export function endsOf({ pipelineActivities }: PipelineDefinition): {
  readonly channel: string
  readonly datastore: string
} {
  let [channel, datastore] = ['', '']
  for (const activity of pipelineActivities) {
    channel = activity.channel?.channelName ?? channel
    datastore = activity.datastore?.datastoreName ?? datastore
  }
  return { channel, datastore }
}
