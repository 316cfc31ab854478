/**
 * A backlog that storage.maxBytes cannot hold, with both drop behaviours and over restarts: the
 * directory never takes more, and every dropped message is reported.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import { addFigures, type Figures, newFigures } from '../figures.ts'
import { Rig } from '../rig.ts'

/** The smallest value that the configuration allows. */
const MAX_BYTES = 4 * 1024 * 1024
const SAMPLE_EVERY_MS = 40
const FULL_PATIENCE_MS = 30_000

export const boundsCampaign: Campaign = { name: 'bounds', run }

async function run(options: CampaignOptions): Promise<Figures> {
  const figures = newFigures()
  for (const behavior of ['DROP_NEWEST', 'DROP_OLDEST'] as const) {
    addFigures(figures, await fill(behavior, { ...options, lengthMs: options.lengthMs / 2 }))
  }
  return figures
}

async function fill(
  behavior: 'DROP_NEWEST' | 'DROP_OLDEST',
  options: CampaignOptions,
): Promise<Figures> {
  const rig = await Rig.open({
    ...options,
    pauseMs: 0,
    isBulky: true,
    storage: { maxBytes: MAX_BYTES },
    parameters: { IotAnalyticsQueueDropBehavior: behavior },
  })
  const sampler = new Sampler(rig)
  try {
    rig.endpoint.state = 'away'
    await rig.start()
    const sampling = sampler.run()
    rig.publish()
    await untilDropped(rig)
    rig.count(`storage.maxBytes met, ${behavior}`)
    // At least once with a full backlog.
    do {
      await delay(rig.between(200, 1_000))
      await rig.stop()
      await rig.start()
      rig.publish()
      rig.count('restart with a full backlog')
    } while (rig.hasTime)
    await rig.quiet()
    sampler.stop()
    await sampling
    await check(rig)
  } finally {
    await rig.close()
  }
  rig.figures.mostBytesOfBound = sampler.mostBytes / MAX_BYTES
  return rig.figures
}

async function untilDropped(rig: Rig): Promise<void> {
  const givesUpAt = performance.now() + FULL_PATIENCE_MS
  while (performance.now() < givesUpAt) {
    const rows = await rig.watch.ledger()
    // By MQTT 5 senders; those of 3.1.1 keep what DROP_NEWEST refuses.
    if (rows.some(({ dropped }) => dropped['QueueFull'] || dropped['StorageFull'])) return
    await delay(50)
  }
  rig.oracle.violated('the bound was not met')
}

/** A binary message's receipt has no id, so those messages are checked by the ledger's count. */
async function check(rig: Rig): Promise<void> {
  const { rows } = await rig.drain()
  for (const { channel, dropped } of rows) {
    const missing = rig.oracle.missing().filter((loss) => loss.channel === channel).length
    const named = Object.values(dropped).reduce((sum, count) => sum + count, 0)
    if (missing <= named) continue
    rig.figures.lost += missing - named
    rig.oracle.violated(`${channel}: ${missing} are missing, ${named} were dropped by name`)
  }
}

/** Measures the directory again and again, with the process paused meanwhile. */
class Sampler {
  mostBytes = 0
  readonly #rig: Rig
  #isStopped = false

  constructor(rig: Rig) {
    this.#rig = rig
  }

  stop(): void {
    this.#isStopped = true
  }

  async run(): Promise<void> {
    while (!this.#isStopped) {
      const { connector, oracle, directory } = this.#rig
      connector.signal('SIGSTOP')
      await delay(5)
      const bytes = bytesBelow(directory)
      connector.signal('SIGCONT')
      this.mostBytes = Math.max(this.mostBytes, bytes)
      if (bytes > MAX_BYTES) oracle.violated(`${bytes} bytes of ${MAX_BYTES} were taken`)
      await delay(SAMPLE_EVERY_MS)
    }
  }
}

function bytesBelow(directory: string): number {
  let bytes = 0
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}
