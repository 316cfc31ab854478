/** What a job is given, and the error with which it can say more than a text. */
import { ConnectorError, type ErrorCode } from '../../errors.ts'

export interface Job {
  /** Aborted if nobody wants the result any more. */
  readonly signal: AbortSignal
  /** Sends an event, and waits until few enough are on their way. */
  readonly emit: (event: unknown) => Promise<void>
}

/** A kind of job: a module of the worker's program. */
export interface JobKind {
  run(request: unknown, job: Job): Promise<unknown>
}

export class JobError extends ConnectorError {
  /** As plain data: it travels between processes. */
  readonly details: unknown

  constructor(code: ErrorCode, message: string, details?: unknown) {
    super(code, message)
    this.details = details
  }
}
