/** Messages in a channel's log, and the rows that pipelines have made of them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Derivation } from '../../../src/analytics/datastores/jobs/derivation.ts'
import type { DerivationTools } from '../../../src/analytics/datastores/jobs/derive.ts'
import type { ActivityResources } from '../../../src/analytics/pipelines/make-activity.ts'
import { makePipeline } from '../../../src/analytics/pipelines/pipeline.ts'
import type { PipelineActivity } from '../../../src/analytics/resources/pipeline-activity.ts'
import { parquetSource } from '../../../src/analytics/tables/jobs/parquet-file.ts'
import { withSession } from '../../../src/analytics/tables/jobs/session.ts'
import { listTable } from '../../../src/analytics/tables/table-listing.ts'
import { datastoreTable, tableDirectory } from '../../../src/analytics/tables/table-location.ts'
import { draftOf } from '../channels/log-drafts.ts'
import { diskStore, temporaryDirectory } from '../disk/disk-stores.ts'
import { fakeFunctions } from './pipeline-resources.ts'

export const CHANNEL = 'plant'
const DATASTORE = 'readings'
const PIPELINE = 'clean'
export const TABLE = datastoreTable(DATASTORE, PIPELINE)

export interface SentMessage {
  readonly payload: string
  /** Milliseconds since 1970. */
  readonly at?: number
}

/** Stores messages in a new data directory; resolves with the log's id. */
export async function storeMessages(
  directory: string,
  messages: readonly SentMessage[],
): Promise<string> {
  const store = diskStore({ directory })
  const found = await store.open()
  const log = found.find(({ channel }) => channel === CHANNEL) ?? store.create(CHANNEL)
  for (const { payload, at = Date.parse('2026-11-29T12:00:00Z') } of messages) {
    log.append(draftOf(payload, { receivedAt: at }))
  }
  await store.commit()
  await store.close()
  return log.id
}

/** From the channel, through these, to the datastore. */
export function chainOf(activities: readonly PipelineActivity[]): PipelineActivity[] {
  const kinds = activities.map((activity) => Object.values(activity)[0])
  const names = [...kinds.map((one) => one?.name ?? ''), 'out']
  const linked = activities.map((activity, at) => {
    const [[kind, members] = ['', {}]] = Object.entries(activity)
    return { [kind]: { ...members, next: names[at + 1] } }
  })
  return [
    { channel: { name: 'in', channelName: CHANNEL, next: names[0] } },
    ...linked,
    { datastore: { name: 'out', datastoreName: DATASTORE } },
  ]
}

export interface DerivationRig {
  readonly directory: string
  derivation(from: number, to: number, change?: Partial<Derivation>): Derivation
  tools(activities: readonly PipelineActivity[]): DerivationTools
  /** The rows of the datastore, as SQL selects them. Without an order for aggregates. */
  rows(select: string, order?: string): Promise<unknown[][]>
  paths(): Promise<string[]>
  readonly failures: { readonly offset: number; readonly reason: string }[]
}

export async function withDerivations(
  t: TestContext,
  messages: readonly SentMessage[],
  work: (rig: DerivationRig) => Promise<void>,
  resources: ActivityResources = { functions: fakeFunctions({}) },
): Promise<void> {
  const directory = await temporaryDirectory(t)
  const logId = await storeMessages(directory, messages)
  const { signal } = new AbortController()
  const failures: { offset: number; reason: string }[] = []
  await withSession(signal, (connection) => {
    const paths = async () => (await listTable(directory, TABLE)).files.map(({ path }) => path)
    return work({
      directory,
      failures,
      paths,
      derivation: (from, to, change = {}) => ({
        directory,
        logId,
        from,
        to,
        connectorId: 'c1',
        channel: CHANNEL,
        datastore: DATASTORE,
        pipeline: PIPELINE,
        activities: chainOf([]),
        ...change,
      }),
      tools: (activities) => ({
        connection,
        signal,
        pipeline: makePipeline(
          { pipelineName: PIPELINE, pipelineActivities: chainOf(activities) },
          resources,
        ),
        keepFailures: async (_, failed) => {
          for (const { input, reason } of failed) failures.push({ offset: input.offset, reason })
        },
      }),
      rows: async (select, order = 'ORDER BY "offset", part') => {
        const files = (await paths()).map((path) => join(tableDirectory(directory, TABLE), path))
        assert.ok(files.length > 0, 'there are files')
        const source = parquetSource(files).replace('])', '], union_by_name = true)')
        const sql = `SELECT ${select} FROM ${source.replace(', hive_partitioning = false', '')}`
        const reader = await connection.runAndReadAll(`${sql} ${order}`)
        return reader.getRowsJson()
      },
    })
  })
}
