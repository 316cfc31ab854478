/** How each metric of the store is read from its figures. */
import type { OutageLeft, StoreLedger } from '../../channels/ledger/ledger.ts'
import type { STORE_METRICS } from './catalogue/store.ts'
import type { Labels } from './ledger-figures.ts'

type Tell = (labels: Labels, value: number) => void
type Figures = (store: StoreLedger, outage: readonly OutageLeft[], tell: Tell) => void

const figures: Readonly<Record<keyof typeof STORE_METRICS, Figures>> = {
  storage_state: ({ state }, _outage, tell) => tell({ state }, 1),
  storage_bytes: figure(({ bytes }) => bytes),
  storage_max_bytes: figure(({ maxBytes }) => maxBytes),
  storage_history_bytes: figure(({ historyBytes }) => historyBytes),
  storage_written_bytes_total: figure(({ bytesWritten }) => bytesWritten),
  storage_syncs_total: figure(({ syncs }) => syncs),
  write_amplification: figure(({ bytesWritten, messageBytes }) =>
    bytesWritten === undefined || messageBytes === 0 ? undefined : bytesWritten / messageBytes,
  ),
  dead_letters: figure(({ deadLetters }) => deadLetters),
  outage_left_seconds: (_store, outage, tell) => {
    for (const { channel, seconds } of outage) tell({ channel }, seconds)
  },
}

/** By the metric's name without prefix. */
export const STORE_FIGURES: Readonly<Record<string, Figures>> = figures

/** An unknown value is left out, not reported as 0. */
function figure(read: (store: StoreLedger) => number | undefined): Figures {
  return (store, _outage, tell) => {
    const value = read(store)
    if (value !== undefined) tell({}, value)
  }
}
