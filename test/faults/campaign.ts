/** A campaign exposes the connector to one kind of fault and returns what the oracle found. */
import type { Figures } from './figures.ts'

export interface CampaignOptions {
  readonly seed: number
  readonly lengthMs: number
}

export interface Campaign {
  readonly name: string
  /** Why it cannot run here; undefined when it can. */
  readonly obstacle?: () => string | undefined
  readonly run: (options: CampaignOptions) => Promise<Figures>
}
