/** SQL on datastores becomes a file: what a dataset with a queryAction has as content. */
import type { Clock } from '../../clock.ts'
import { pause } from '../../destinations/http-client/wait.ts'
import { ConnectorError } from '../../errors.ts'
import type { Datastores } from '../datastores/datastores.ts'
import { MAX_SQL_CHARACTERS } from '../duckdb/sql-text.ts'
import type { DatasetDefinition } from '../resources/dataset-definition.ts'
import { parseSchedule, type Schedule } from '../resources/schedule.ts'
import type { MadeContent, MakingOf } from './contracts/content-making.ts'
import type { ContentQueries } from './contracts/content-queries.ts'
import { windowOf } from './delta-window.ts'
import type { TimeWindow } from './versions/version-record.ts'

export const QUERY_ENTRY = 'result.csv'

/**
 * A message that arrived before is committed by then, or its sender has no acknowledgement. So which
 * messages are late is a matter of their arrival alone.
 */
export const COMMIT_MS = 1_000

export interface QueryActionOptions {
  readonly queries: ContentQueries
  readonly datastores: Datastores
  /** Whether there is a datastore of this name. */
  readonly isDatastore: (name: string) => boolean
  readonly clock: Clock
}

/** The filter of a delta dataset. */
export function deltaOf({ actions }: DatasetDefinition) {
  return actions[0]?.queryAction?.filters?.[0]?.deltaTime
}

export function schedulesOf({ triggers = [] }: DatasetDefinition): readonly Schedule[] {
  return triggers.flatMap(({ schedule }) =>
    schedule === undefined ? [] : parseSchedule(schedule.expression),
  )
}

/** The datastores that the SQL may name: the ones whose name is a word in it. */
export function datastoresIn(sql: string, isDatastore: (name: string) => boolean): string[] {
  const words = new Set(sql.match(/\w+/g) ?? [])
  return [...words].filter((word) => isDatastore(word))
}

export class QueryAction {
  readonly #options: QueryActionOptions

  constructor(options: QueryActionOptions) {
    this.#options = options
  }

  /** @throws {ConnectorError} @throws the signal's reason if it was aborted */
  async make(sql: string, making: MakingOf): Promise<MadeContent> {
    const { queries, datastores, isDatastore, clock } = this.#options
    const { definition, versions, record, signal } = making
    expectLength(sql)
    const window = record.window ?? deltaWindowOf(making)
    const arrivedUntil = definition.lateDataRules === undefined ? undefined : clock.now() + 1
    if (arrivedUntil !== undefined) await pause(COMMIT_MS, { clock, signal })
    await datastores.catchUp(datastoresIn(sql, isDatastore), signal)
    const { file, content } = await versions.newContent(record, 0)
    try {
      const datastoreRows = window && { ...rowsOf(definition, window), arrivedUntil }
      const question = { sql, format: 'quotedCsv', dialect: 'athena', datastoreRows } as const
      await queries.run(question, { signal, onPart: (part) => content.append(part) })
      await content.finish()
    } catch (thrown) {
      await content.discard()
      throw thrown
    }
    const entries = [{ name: QUERY_ENTRY, file, bytes: content.bytes }]
    return { entries, window, arrivedUntil }
  }
}

/** Undefined for a dataset without the filter. */
function deltaWindowOf({ definition, since, versions, record }: MakingOf): TimeWindow | undefined {
  const delta = deltaOf(definition)
  if (delta === undefined) return undefined
  return windowOf({
    runAt: record.scheduledAt,
    offsetMs: delta.offsetSeconds * 1_000,
    coveredUntil: versions.progress.coveredUntil,
    schedules: schedulesOf(definition),
    since,
  })
}

/** Of the datastores, the rows whose time is in the window. */
export function rowsOf(definition: DatasetDefinition, { from, until }: TimeWindow) {
  const timeExpression = deltaOf(definition)?.timeExpression
  if (timeExpression === undefined) return undefined
  return from === undefined ? { timeExpression, until } : { timeExpression, from, until }
}

function expectLength(sql: string): void {
  if (sql.length <= MAX_SQL_CHARACTERS) return
  const text = `expected SQL of at most ${MAX_SQL_CHARACTERS} characters, got ${sql.length}: a definition may have more, but a statement that runs may not; shorten it`
  throw new ConnectorError('InvalidQuery', text)
}
