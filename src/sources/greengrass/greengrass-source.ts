/**
 * A Greengrass nucleus as a source: takes the messages of its local publish/subscribe, and publishes
 * receipts there. The nucleus has no acknowledgements. A message counts from the moment it has been
 * read, and its receipt is the only answer that its sender gets.
 */
import type { Clock } from '../../clock.ts'
import { asConnectorError } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { ConnectionState, Intake, ReceiptOutlet, Source } from '../source.ts'
import type { Unread } from './inbox.ts'
import type { NucleusBus } from './nucleus-bus.ts'
import type { Bus } from './nucleus-connection.ts'
import type { GreengrassOptions } from './options.ts'
import { StatusOutlet } from './status-outlet.ts'

/** How long `close` waits for receipts to go out. The nucleus kills the process 5 s after SIGTERM. */
const CLOSE_TIMEOUT_MS = 1_000
const EMPTY = Buffer.alloc(0)
const UNREAD: Readonly<Record<Unread, Refusal>> = {
  oversized: {
    error: 'MessageTooLarge',
    message:
      'a message from the nucleus has more than 1 MiB; at most 131072 bytes (128 KB) are allowed',
  },
  unreadable: {
    error: 'InvalidMessage',
    message: 'a message from the nucleus has neither a jsonMessage nor a binaryMessage',
  },
}

export interface GreengrassSourceOptions {
  readonly options: GreengrassOptions
  readonly bus: NucleusBus
  /** Local topics to subscribe to: the predefined ones and the configured inputs. */
  readonly filters: readonly string[]
  readonly observer: PipelineObserver
  readonly clock: Clock
}

export class GreengrassSource implements Source {
  readonly name = 'greengrass'
  readonly #options: GreengrassSourceOptions
  readonly #outlet: StatusOutlet
  #intake: Intake | undefined
  #isClosed = false
  #hasSaidRefusal = false

  constructor(options: GreengrassSourceOptions) {
    this.#options = options
    const { observer } = options
    this.#outlet = new StatusOutlet({
      source: this.name,
      publish: (topic, payload) => this.#publish(topic, payload),
      maxReceipts: options.options.maxBufferedReceipts,
      observer,
    })
  }

  get outlet(): ReceiptOutlet {
    return this.#outlet
  }

  get description(): string {
    const { filters, options } = this.#options
    const { iotCoreInputs } = options
    const cloud =
      iotCoreInputs.length === 0 ? '' : `, and ${iotCoreInputs.join(', ')} of AWS IoT Core`
    return `subscribes to ${filters.join(', ')} on the local bus of the Greengrass nucleus${cloud}`
  }

  get connectionState(): ConnectionState {
    return this.#options.bus.state
  }

  async start(intake: Intake): Promise<void> {
    if (this.#intake !== undefined || this.#isClosed) return
    const { bus, filters, options, observer } = this.#options
    this.#intake = intake
    intake.listen({ committed: () => bus.inbox.drain(), failed: () => bus.inbox.drain() })
    bus.listener = {
      up: () => {
        this.#hasSaidRefusal = false
        this.#outlet.up()
      },
      down: () => this.#outlet.down(),
      failed: (error, delayMs) => observer.sourceRetried(this.name, error, delayMs),
      recovered: () => observer.sourceRecovered(this.name),
    }
    if (bus.isUp) this.#outlet.up()
    bus.inbox.attach({
      get isBusy() {
        return intake.isSaturated
      },
      take: (topic, payload) => this.#take(intake, topic, payload),
      refuse: (topic, payload = EMPTY, why) => {
        const refusal = why === 'full' ? bufferFull(topic) : stopping(topic)
        this.#refuse(intake, topic, payload, refusal)
      },
      refuseUnread: (why) => intake.refuse(undefined, '', EMPTY, 0, 0, UNREAD[why]),
    })
    bus.use({ local: filters, cloud: options.iotCoreInputs }, options.maxBufferedMessages)
    // Receipts of these messages go out through the outlet, which is added after the start.
    setImmediate(() => bus.inbox.drain())
  }

  /** Messages that still come wait for the next connector, if there is to be one. */
  async stopIntake(): Promise<void> {
    if (this.#intake === undefined) return
    const { bus } = this.#options
    bus.inbox.drain()
    if (bus.isUnsubscribed) bus.inbox.refuseWaiting()
    bus.inbox.detach()
    this.#intake = undefined
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.stopIntake()
    await this.#drained()
    this.#outlet.close()
    this.#options.bus.listener = undefined
  }

  async #publish(topic: string, payload: Buffer): Promise<void> {
    const { bus, options, observer } = this.#options
    const buses: readonly Bus[] = options.iotCoreStatus ? ['local', 'cloud'] : ['local']
    try {
      await Promise.all(buses.map((name) => bus.publish(name, topic, payload)))
    } catch (thrown) {
      // Each receipt is counted as dropped; the reason is said once for a connection.
      const error = asConnectorError(thrown, 'Unexpected', topic)
      if (error.code === 'NucleusRefused' && !this.#hasSaidRefusal) {
        this.#hasSaidRefusal = true
        observer.sourceRetried(this.name, error, 0)
      }
      throw error
    }
  }

  #take(intake: Intake, topic: string, payload: Buffer): void {
    const route = intake.route(topic)
    if (route === undefined) return
    intake.accept(route, topic, payload, 0, payload.length, undefined, false)
  }

  #refuse(intake: Intake, topic: string, payload: Buffer, refusal: Refusal): void {
    const route = intake.route(topic)
    if (route === undefined) return
    intake.refuse(route, topic, payload, 0, payload.length, refusal)
  }

  async #drained(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(CLOSE_TIMEOUT_MS, resolve)
      void this.#outlet.drained().then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

function stopping(topic: string): Refusal {
  return {
    error: 'Stopping',
    message: `the connector was stopped before the message could be stored (topic ${topic})`,
  }
}

function bufferFull(topic: string): Refusal {
  return {
    error: 'BufferFull',
    message: `there was no room for the message (topic ${topic}): others waited to be stored, as many as sources.greengrass.maxBufferedMessages allows`,
  }
}
