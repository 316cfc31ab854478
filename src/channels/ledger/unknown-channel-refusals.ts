/**
 * Counts refused messages for channels that do not exist. Anybody can invent channel names, so only
 * a limited number of names have a row of their own; all others, and names that no channel can
 * have, share one. After a restart all earlier ones share it.
 */
import type { ChannelState } from '../log/channel-log.ts'
import type { ChannelLedger } from './ledger.ts'
import { rowOfRefusals } from './set-aside-rows.ts'

const MAX_NAMES = 1_000
/** No channel can have this name. */
const ALL_OTHERS = '*'

export class UnknownChannelRefusals {
  readonly #counts = new Map<string, Record<string, number>>()
  readonly #totals: Record<string, number> = {}

  /** All of them by code. */
  get totals(): Readonly<Record<string, number>> {
    return this.#totals
  }

  /** Takes over the counts of earlier runs, without names. To be called once, first. */
  restore(state: Pick<ChannelState, 'refused'> | undefined): Readonly<Record<string, number>> {
    const { refused = {} } = state ?? {}
    if (Object.keys(refused).length > 0) this.#counts.set(ALL_OTHERS, { ...refused })
    Object.assign(this.#totals, refused)
    return refused
  }

  /** `name` is undefined if no channel can have it. */
  refuse(name: string | undefined, code: string): void {
    const key = name !== undefined && this.#hasRowFor(name) ? name : ALL_OTHERS
    const counts = this.#counts.get(key) ?? {}
    counts[code] = (counts[code] ?? 0) + 1
    this.#counts.set(key, counts)
    this.#totals[code] = (this.#totals[code] ?? 0) + 1
  }

  #hasRowFor(name: string): boolean {
    return this.#counts.has(name) || this.#counts.size < MAX_NAMES
  }

  /** The channel is being created: its earlier refusals move to its own ledger. */
  takeOver(name: string): Readonly<Record<string, number>> {
    const refused = this.#counts.get(name) ?? {}
    this.#counts.delete(name)
    for (const [code, count] of Object.entries(refused)) {
      const left = (this.#totals[code] ?? 0) - count
      if (left > 0) this.#totals[code] = left
      else delete this.#totals[code]
    }
    return refused
  }

  ledger(): ChannelLedger[] {
    return [...this.#counts].map(([channel, dropped]) => rowOfRefusals(channel, dropped))
  }
}
