/** A query on the command line: what is asked, and where its result goes. */
import type { Question } from '../../../analytics/query/query-runner.ts'

export interface Asked {
  readonly question: Question
  /** Aborted when the command should end. */
  readonly signal: AbortSignal
  /** Resolves when there is room for more. */
  readonly onPart: (part: Buffer) => Promise<void>
}
