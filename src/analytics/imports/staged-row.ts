/** A row on its way from a file into a table. */
export interface StagedRow {
  /** `2020-10-15` */
  readonly day: string
  /** Milliseconds since 1970. */
  readonly arrivedAt: number
  readonly payload: Buffer
}
