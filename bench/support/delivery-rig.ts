/**
 * Channels on disk with one destination that accepts everything: it writes the request body of
 * BatchPutMessage and does not send it. The parts come from a given build, so that two builds can
 * be compared.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Batch, BatchOutcome, Destination } from '../../src/destinations/destination.ts'
import type { PackedPayloads } from '../../src/sources/source.ts'

const MEBIBYTE = 1024 * 1024
/** How much is committed before delivery: as much as the log keeps in memory. */
const GROUP_BYTES = 512 * 1024
const CHANNEL = 'bench'

export interface DeliveryRigOptions {
  /** The directory that holds `src/` of a build. */
  readonly build: string
  readonly directory: string
  readonly batchMessages: number
}

type Parts = Awaited<ReturnType<typeof loadParts>>

export class DeliveryRig {
  readonly #parts: Parts
  readonly #options: DeliveryRigOptions
  readonly #channels
  readonly #delivery
  #receipts = 0
  #onReceipts: (() => void) | undefined

  static async open(options: DeliveryRigOptions): Promise<DeliveryRig> {
    const rig = new DeliveryRig(await loadParts(options.build), options)
    await rig.#channels.open()
    rig.#delivery.start()
    return rig
  }

  private constructor(parts: Parts, options: DeliveryRigOptions) {
    this.#parts = parts
    this.#options = options
    this.#channels = this.#newChannels()
    this.#delivery = this.#newDelivery()
  }

  /** CPU µs per message from its commit to its receipt. */
  async measure(messages: number, payloadBytes: number): Promise<number> {
    const group = Math.floor(GROUP_BYTES / (payloadBytes + 40))
    this.#receipts = 0
    let micros = 0
    let done = 0
    for (; done < messages; done += group) {
      this.#offer(done, group, payloadBytes)
      const settled = new Promise<void>((resolve) => {
        this.#onReceipts = () => {
          if (this.#receipts >= done + group) resolve()
        }
      })
      await this.#channels.commits.flush()
      const before = process.cpuUsage()
      await settled
      const { user, system } = process.cpuUsage(before)
      micros += user + system
    }
    return Number((micros / done).toFixed(3))
  }

  async close(): Promise<void> {
    await this.#delivery.close()
    await this.#channels.close()
  }

  #offer(first: number, count: number, payloadBytes: number): void {
    const bytes = Buffer.alloc(payloadBytes, '{"sensor":7,"value":21.5}')
    for (let index = first; index < first + count; index++) {
      const id = `r${String(index).padStart(10, '0')}`
      const place = { bytes, start: 0, end: payloadBytes, text: undefined }
      const draft = {
        receivedAt: Date.now(),
        topic: 'bench/line-1',
        id,
        reply: undefined,
        ...place,
      }
      this.#channels.offer(CHANNEL, draft)
    }
  }

  #newChannels() {
    const { ChannelSet, DiskLogStore, MemoryBudget, systemClock, silentObserver } = this.#parts
    const budget = new MemoryBudget(64 * MEBIBYTE)
    const around = { budget, clock: systemClock, observer: silentObserver }
    return new ChannelSet({
      ...around,
      store: new DiskLogStore({
        ...around,
        directory: join(this.#options.directory, 'data'),
        maxBytes: 256 * MEBIBYTE,
        segmentBytes: 16 * MEBIBYTE,
        segmentMaxAgeMs: 86_400_000,
        historyBytes: 0,
      }),
      bounds: {
        maxBacklogMessages: Number.POSITIVE_INFINITY,
        dropBehavior: 'DROP_NEWEST',
        maxActiveChannels: 10,
        maxChannels: 10,
      },
      cursorNames: ['bench'],
      minCommitIntervalMs: 0,
      onDropped: (_, refusal) => {
        throw new Error(refusal.message)
      },
    })
  }

  #newDelivery() {
    const { DestinationDelivery, PrimaryReceipts, ReceiptPublisher } = this.#parts
    const { systemClock, silentObserver } = this.#parts
    const receipts = new ReceiptPublisher({ topic: 'status', reports: 'all', clock: systemClock })
    receipts.addOutlet({
      hasListeners: () => true,
      publish: (_: string, { count }: PackedPayloads) => {
        this.#receipts += count
        this.#onReceipts?.()
      },
      reply() {},
    })
    const primary = new PrimaryReceipts(receipts)
    return new DestinationDelivery({
      destination: this.#destination(),
      channels: this.#channels,
      maxInFlightBatches: 1,
      receipts: () => primary,
      observer: silentObserver,
      clock: systemClock,
      random: Math.random,
    })
  }

  #destination(): Destination {
    const { writeBody, maxBodyBytes, ALL_ACCEPTED } = this.#parts
    const target = Buffer.alloc(MEBIBYTE)
    const accepted: Promise<BatchOutcome> = Promise.resolve(ALL_ACCEPTED)
    return {
      name: 'bench',
      description: 'nowhere',
      batchRule: {
        maxMessages: this.#options.batchMessages,
        maxBytes: MEBIBYTE,
        intervalMs: 0,
        hasDistinctIds: true,
      },
      open: () => Promise.resolve(),
      send: (batch: Batch) => {
        if (maxBodyBytes(batch) <= target.length) writeBody(batch, target, 0)
        return accepted
      },
      close: () => Promise.resolve(),
    }
  }
}

async function loadParts(build: string) {
  const load = (path: string) => import(pathToFileURL(join(build, 'src', `${path}.js`)).href)
  const body = 'destinations/iot-analytics/request-body'
  return {
    ...((await load('channels/channel-set')) as typeof import('../../src/channels/channel-set.ts')),
    ...((await load(
      'channels/disk/disk-log-store',
    )) as typeof import('../../src/channels/disk/disk-log-store.ts')),
    ...((await load(
      'channels/log/memory-budget',
    )) as typeof import('../../src/channels/log/memory-budget.ts')),
    ...((await load('clock')) as typeof import('../../src/clock.ts')),
    ...((await load('observer')) as typeof import('../../src/observer.ts')),
    ...((await load(
      'delivery/destination-delivery',
    )) as typeof import('../../src/delivery/destination-delivery.ts')),
    ...((await load(
      'delivery/receipts/batch-receipts',
    )) as typeof import('../../src/delivery/receipts/batch-receipts.ts')),
    ...((await load(
      'delivery/receipts/receipt-publisher',
    )) as typeof import('../../src/delivery/receipts/receipt-publisher.ts')),
    ...((await load(
      'destinations/destination',
    )) as typeof import('../../src/destinations/destination.ts')),
    ...((await load(
      body,
    )) as typeof import('../../src/destinations/iot-analytics/request-body.ts')),
  }
}
