/** Commits in cycles over all channels. */
import type { Refusal } from '../message.ts'

/** Told of commit cycles, in ascending order. The same as a source's `CommitListener`. */
export interface CommitListener {
  /** All messages of this cycle and those before are durable. */
  committed(cycle: number): void
  failed(cycle: number, refusal: Refusal): void
}
