/** What a bounded read of stored messages gives. */
import type { Chunk } from './chunk.ts'
import type { Damage } from './damage.ts'

/** What a look into a segment gave: messages, damage before the next message, or nothing more. */
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
