/** The figures of the store, from the store and the channels. */

import type { ChannelSet } from '../channels/channel-set.ts'
import type { StoreLedger } from '../channels/ledger/ledger.ts'
import type { StoreRoom } from '../channels/ledger/outage-forecast.ts'
import type { LogStore } from '../channels/log/channel-log.ts'
import { type MemoryBudget, OVERHEAD_BYTES } from '../channels/log/memory-budget.ts'

export function storeLedger(channels: ChannelSet, store: LogStore): StoreLedger {
  const { storageFailure, storageFigures, deadLetters } = channels
  const { state, committed } = storageFigures
  const { bytes, maxBytes, historyBytes = 0, figures } = store
  return {
    state: state.name,
    problem: storageFailure === undefined ? undefined : `${storageFailure.message} ${state.advice}`,
    bytes,
    maxBytes: Number.isFinite(maxBytes) ? maxBytes : undefined,
    historyBytes,
    bytesWritten: figures?.bytesWritten,
    syncs: figures?.syncs,
    messageBytes: committed.bytes - committed.messages * OVERHEAD_BYTES,
    deadLetters: deadLetters?.count,
    deadLettersLost: deadLetters?.lost,
  }
}

/** The room that is left in the store; history counts as free. */
export function storeRoom(store: LogStore, budget: MemoryBudget): StoreRoom {
  const { bytes, maxBytes, historyBytes = 0 } = store
  return Number.isFinite(maxBytes)
    ? { freeBytes: maxBytes - bytes + historyBytes, bound: 'storage.maxBytes' }
    : { freeBytes: budget.maxBytes - budget.held, bound: 'MemorySize' }
}
