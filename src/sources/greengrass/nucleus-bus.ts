/**
 * The subscriptions of the connector at the nucleus. They outlive a connector that is replaced when
 * its configuration changes, so that no message is missed meanwhile, and are made again on each
 * connection.
 *
 *     nucleus ─▶ FilterSubscription, one per filter ─▶ the filter that owns the topic ─▶ Inbox ─▶ source
 */
import type { Clock } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import type { ConnectionState } from '../source.ts'
import { FilterOwners } from './filter-owners.ts'
import { FilterSubscription } from './filter-subscription.ts'
import { Inbox } from './inbox.ts'
import type { Bus, NucleusConnection } from './nucleus-connection.ts'

export interface BusFilters {
  readonly local: readonly string[]
  readonly cloud: readonly string[]
}

/** What the bus reports, while somebody listens. */
export interface BusListener {
  up(): void
  down(): void
  /** Something does not work and is tried again. */
  failed(error: ConnectorError, delayMs: number): void
  /** Everything works again. */
  recovered(): void
}

export interface NucleusBusOptions {
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

/** One filter on the current connection. */
interface Subscribed {
  readonly subscription: FilterSubscription
  isSubscribed: boolean
  problem: string | undefined
}

const BUSES: readonly Bus[] = ['local', 'cloud']
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024
const NO_TOPIC =
  'the nucleus does not say the topic of a message; it needs version 2.6.0 or later. Update aws.greengrass.Nucleus'

export class NucleusBus {
  readonly inbox = new Inbox({ maxMessages: 10_000, maxBytes: MAX_BUFFERED_BYTES })
  readonly #options: NucleusBusOptions
  #filters: BusFilters = { local: [], cloud: [] }
  #connection: NucleusConnection | undefined
  #isLite = false
  readonly #owners = { local: new FilterOwners(), cloud: new FilterOwners() }
  readonly #subscribed = {
    local: new Map<string, Subscribed>(),
    cloud: new Map<string, Subscribed>(),
  }
  #listener: BusListener | undefined
  #problem: string | undefined = 'not connected yet'
  #hasFailed = false
  #isReady = false
  #isUnsubscribed = false
  #since: number

  constructor(options: NucleusBusOptions) {
    this.#options = options
    this.#since = options.clock.now()
  }

  get state(): ConnectionState {
    const [problem = this.#problem] = this.#all().flatMap((entry) => entry.problem ?? [])
    return { isReady: this.#isReady, since: this.#since, problem }
  }

  get isUp(): boolean {
    return this.#connection !== undefined
  }

  /** Whether the nucleus is lite, or was on the last connection. */
  get isLite(): boolean {
    return this.#isLite
  }

  set listener(listener: BusListener | undefined) {
    this.#listener = listener
  }

  /** Subscribes to these from now on. Those that stay are not touched. */
  use(filters: BusFilters, maxMessages: number): void {
    this.inbox.bounds = { maxMessages, maxBytes: MAX_BUFFERED_BYTES }
    this.#filters = filters
    for (const bus of BUSES) this.#owners[bus].use(filters[bus])
    if (this.#connection !== undefined) this.#subscribe(this.#connection)
  }

  /** No message is read any more. The connection stays, for receipts. */
  unsubscribe(): void {
    this.#isUnsubscribed = true
    this.#filters = { local: [], cloud: [] }
    if (this.#connection !== undefined) this.#subscribe(this.#connection)
  }

  get isUnsubscribed(): boolean {
    return this.#isUnsubscribed
  }

  /** @throws {ConnectorError} NucleusUnavailable, NucleusRefused */
  async publish(bus: Bus, topic: string, payload: Buffer): Promise<void> {
    if (this.#connection === undefined) {
      throw new ConnectorError('NucleusUnavailable', 'not connected to the nucleus')
    }
    await this.#connection.publish(bus, topic, payload)
  }

  up(connection: NucleusConnection): void {
    this.#connection = connection
    this.#isLite = connection.isLite
    this.#problem = undefined
    this.#subscribe(connection)
    this.#listener?.up()
  }

  /** The connection is lost, and tried again after `delayMs`. */
  down(error: ConnectorError, delayMs: number): void {
    const wasUp = this.#connection !== undefined
    this.#connection = undefined
    this.#stopAll()
    this.#problem = error.message
    if (wasUp) this.#listener?.down()
    this.#failed(error, delayMs)
  }

  close(): void {
    this.#stopAll()
    this.#connection = undefined
  }

  #stopAll(): void {
    for (const { subscription } of this.#all()) subscription.stop()
    for (const bus of BUSES) this.#subscribed[bus].clear()
    this.#setReady()
  }

  #subscribe(connection: NucleusConnection): void {
    for (const bus of BUSES) {
      const entries = this.#subscribed[bus]
      const wanted = this.#filters[bus]
      for (const [filter, { subscription }] of entries) {
        if (wanted.includes(filter)) continue
        subscription.stop()
        entries.delete(filter)
      }
      for (const filter of wanted) {
        if (!entries.has(filter)) this.#add(bus, filter, connection)
      }
    }
    this.#setReady()
  }

  #add(bus: Bus, filter: string, connection: NucleusConnection): void {
    const owners = this.#owners[bus]
    owners.setSilent(filter, false)
    const subscription = new FilterSubscription({
      ...this.#options,
      bus,
      filter,
      connection,
      onMessage: (topic, payload) => {
        if (topic === undefined) entry.problem = NO_TOPIC
        else if (owners.owns(filter, topic)) this.inbox.add(topic, payload)
      },
      onSubscribed: (isSubscribed) => {
        owners.setSilent(filter, !isSubscribed)
        entry.isSubscribed = isSubscribed
        if (isSubscribed) entry.problem = undefined
        this.#setReady()
      },
      onRefused: (error, delayMs) => {
        entry.problem = error.message
        this.#failed(error, delayMs)
      },
      onDead: () => this.#failed(deadError(filter), 0),
    })
    const entry: Subscribed = { subscription, isSubscribed: false, problem: undefined }
    this.#subscribed[bus].set(filter, entry)
    subscription.start()
  }

  #all(): Subscribed[] {
    return BUSES.flatMap((bus) => [...this.#subscribed[bus].values()])
  }

  #failed(error: ConnectorError, delayMs: number): void {
    this.#hasFailed = true
    this.#listener?.failed(error, delayMs)
  }

  #setReady(): void {
    const isReady =
      this.#connection !== undefined && this.#all().every(({ isSubscribed }) => isSubscribed)
    if (isReady !== this.#isReady) this.#since = this.#options.clock.now()
    this.#isReady = isReady
    if (!isReady || !this.#hasFailed || this.#isUnsubscribed) return
    this.#hasFailed = false
    this.#listener?.recovered()
  }
}

function deadError(filter: string): ConnectorError {
  return new ConnectorError(
    'NucleusUnavailable',
    `the nucleus no longer delivered messages for ${filter} and did not say so. The connector subscribes again`,
  )
}
