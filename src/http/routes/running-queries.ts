/** The queries that run or wait, by id, so that somebody else than their client can end them. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import { timeText } from '../../iso-time.ts'
import { cut } from '../../shown-text.ts'

const MAX_SHOWN = 1_000

export interface RunningQuery {
  readonly id: string
  /** Its beginning. */
  readonly sql: string
  readonly since: string
  /** The name of the token that asked; null without one. */
  readonly askedBy: string | null
}

interface Entry extends RunningQuery {
  readonly cancelled: AbortController
}

export class RunningQueries {
  readonly #clock: Clock
  readonly #queries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The oldest first. */
  get list(): RunningQuery[] {
    return [...this.#queries.values()].map(({ cancelled: _, ...shown }) => shown)
  }

  /** @param cancelled aborted by `cancel` */
  begin(sql: string, askedBy: string | null, cancelled: AbortController): string {
    const id = randomUUID()
    const since = timeText(this.#clock.now())
    this.#queries.set(id, { id, sql: cut(sql, MAX_SHOWN), since, askedBy, cancelled })
    return id
  }

  ended(id: string): void {
    this.#queries.delete(id)
  }

  /** Whether there is such a query. */
  cancel(id: string): boolean {
    const query = this.#queries.get(id)
    query?.cancelled.abort(
      new ConnectorError('QueryCancelled', 'The query was cancelled by an operator.'),
    )
    return query !== undefined
  }
}
