/** How each metric of the connector's parts is read from them. */
import type { PART_METRICS } from './catalogue/parts.ts'
import type { Labels } from './ledger-figures.ts'

export interface DestinationFigures {
  readonly name: string
  readonly state: string
  /** Milliseconds since 1970. */
  readonly lastSuccessAt: number | undefined
  readonly oldestWaitingAt: number | undefined
  readonly publishIntervalMs: number
}

export interface PartFigures {
  readonly destinations: readonly DestinationFigures[]
  readonly sources: readonly { readonly name: string; readonly isUp: boolean }[]
  /** What messages hold in memory; undefined before the start. */
  readonly memory: { readonly bytes: number; readonly maxBytes: number } | undefined
  /** `endsAt` in milliseconds since 1970. */
  readonly certificates: readonly { readonly part: string; readonly endsAt: number }[]
}

export const NO_PARTS: PartFigures = {
  destinations: [],
  sources: [],
  memory: undefined,
  certificates: [],
}

type Tell = (labels: Labels, value: number) => void
type Figures = (parts: PartFigures, now: number, tell: Tell) => void

const figures: Readonly<Record<keyof typeof PART_METRICS, Figures>> = {
  destination_state: ({ destinations }, _now, tell) => {
    for (const { name, state } of destinations) tell({ destination: name, state }, 1)
  },
  destination_last_success_timestamp_seconds: perDestination(({ lastSuccessAt }) =>
    lastSuccessAt === undefined ? undefined : lastSuccessAt / 1000,
  ),
  destination_oldest_waiting_seconds: perDestination(({ oldestWaitingAt }, now) =>
    oldestWaitingAt === undefined ? undefined : Math.max(0, now - oldestWaitingAt) / 1000,
  ),
  destination_publish_interval_seconds: perDestination(
    ({ publishIntervalMs }) => publishIntervalMs / 1000,
  ),
  source_up: ({ sources }, _now, tell) => {
    for (const { name, isUp } of sources) tell({ source: name }, isUp ? 1 : 0)
  },
  memory_bytes: ({ memory }, _now, tell) => {
    if (memory !== undefined) tell({}, memory.bytes)
  },
  memory_max_bytes: ({ memory }, _now, tell) => {
    if (memory !== undefined) tell({}, memory.maxBytes)
  },
  certificate_end_timestamp_seconds: ({ certificates }, _now, tell) => {
    for (const { part, endsAt } of certificates) tell({ part }, endsAt / 1000)
  },
}

/** By the metric's name without prefix. */
export const PART_FIGURES: Readonly<Record<string, Figures>> = figures

/** An unknown value is left out, not reported as 0. */
function perDestination(
  read: (destination: DestinationFigures, now: number) => number | undefined,
): Figures {
  return ({ destinations }, now, tell) => {
    for (const destination of destinations) {
      const value = read(destination, now)
      if (value !== undefined) tell({ destination: destination.name }, value)
    }
  }
}
