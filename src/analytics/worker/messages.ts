/** What a connector and its worker process say to each other. Buffers may be events. */

export type ToWorker =
  | { readonly kind: 'run'; readonly id: number; readonly job: string; readonly request: unknown }
  /** The event was taken: another one may follow. */
  | { readonly kind: 'taken'; readonly id: number }
  | { readonly kind: 'cancel'; readonly id: number }

export type FromWorker =
  | { readonly kind: 'event'; readonly id: number; readonly event: unknown }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | ({ readonly kind: 'failed'; readonly id: number } & JobFailure)
  /** For the log, whether a job runs or not. */
  | { readonly kind: 'log'; readonly source: string; readonly line: string }

export interface JobFailure {
  /** A code of `errors.ts`; undefined for a fault of the job itself. */
  readonly code: string | undefined
  readonly message: string
  /** What is known besides, such as the place in a statement. */
  readonly details: unknown
}
