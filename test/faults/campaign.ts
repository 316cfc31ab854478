/** A campaign puts one kind of fault in the product's way, and tells what the oracle found. */
import type { Figures } from './figures.ts'

export interface CampaignOptions {
  readonly seed: number
  readonly lengthMs: number
}

export interface Campaign {
  readonly name: string
  /** Why it can't run here; undefined when it can. */
  readonly obstacle?: () => string | undefined
  readonly run: (options: CampaignOptions) => Promise<Figures>
}
