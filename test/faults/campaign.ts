/** A campaign exposes the connector to one kind of fault and returns what the oracle found. */
import type { Figures } from './figures.ts'

export interface CampaignOptions {
  readonly seed: number
  readonly lengthMs: number
  /** The fault is made so that the promise is broken: the campaign has to notice. */
  readonly isSabotaged?: boolean
}

export interface Campaign {
  readonly name: string
  /** Why it cannot run here; undefined when it can. */
  readonly obstacle?: () => string | undefined
  /** What `isSabotaged` does; without it the campaign cannot be sabotaged. */
  readonly sabotage?: string
  readonly run: (options: CampaignOptions) => Promise<Figures>
}
