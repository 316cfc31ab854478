/** The results of a bounded read of stored messages. */
import type { Chunk } from './chunk.ts'
import type { Damage } from './damage.ts'

/** Messages, damage before the next message, or the end. */
export type Window =
  | { readonly kind: 'chunk'; readonly chunk: Chunk }
  | DamageWindow
  | { readonly kind: 'end' }

/** The messages `from ≤ x < to` can't be read; `content` is a copy of the bytes, for quarantine. */
export interface DamageWindow {
  readonly kind: 'damage'
  readonly damage: Damage
  readonly content: Buffer
  readonly from: number
  readonly to: number
}
