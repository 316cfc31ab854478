/**
 * The messages of these benchmarks: readings of fifty devices, 100 bytes of JSON each, all different.
 */
import { DiskLogStore } from '../../src/channels/disk/disk-log-store.ts'
import { MemoryBudget } from '../../src/channels/log/memory-budget.ts'
import { systemClock } from '../../src/clock.ts'
import { silentObserver } from '../../src/observer.ts'

export const PAYLOAD_BYTES = 100
const DEVICES = 50
const COMMIT_MESSAGES = 5_000
const SEGMENT_BYTES = 16 * 1024 * 1024
const NUMBER_STEP = 7_919

export function topicOf(index: number): string {
  return `plant/press_${index % DEVICES}/readings`
}

export function payloadOf(index: number): string {
  const celsius = (20 + ((index * NUMBER_STEP) % 10_000) / 1_000).toFixed(3)
  const pressure = (1_000 + ((index * NUMBER_STEP) % 3_001) / 100).toFixed(2)
  const vibration = ((index % 997) / 10_000).toFixed(4)
  const values = `"celsius":${celsius},"pressure":${pressure},"vibration":${vibration},"running":true`
  const open = `{"device":"press_${index % DEVICES}",${values},"seq":`
  return `${open}${String(index).padStart(PAYLOAD_BYTES - open.length - 1, ' ')}}`
}

export function channelName(number: number): string {
  return `readings_${number}`
}

/** Stores messages in a new data directory, in turn for each channel. */
export async function fillDirectory(
  directory: string,
  messages: number,
  channels: number,
): Promise<void> {
  const store = new DiskLogStore({
    directory,
    maxBytes: 1e10,
    segmentBytes: SEGMENT_BYTES,
    segmentMaxAgeMs: 86_400_000,
    historyBytes: 0,
    budget: new MemoryBudget(64 * 1024 * 1024),
    clock: systemClock,
    observer: silentObserver,
  })
  await store.open()
  const logs = Array.from({ length: channels }, (_, number) => store.create(channelName(number)))
  for (let index = 0; index < messages; index++) {
    const bytes = Buffer.from(payloadOf(index))
    const at = Math.floor(index / COMMIT_MESSAGES) % logs.length
    logs[at]?.append({
      receivedAt: Date.now(),
      topic: topicOf(index),
      id: undefined,
      text: undefined,
      bytes,
      start: 0,
      end: bytes.length,
      reply: undefined,
    })
    if ((index + 1) % COMMIT_MESSAGES === 0) await store.commit()
  }
  await store.commit()
  await store.close()
}
