/**
 * A Greengrass nucleus as a source: takes the messages of its local publish/subscribe, and publishes
 * receipts there. The nucleus has no acknowledgements. A message counts from the moment it has been
 * read, and its receipt is the only answer that its sender gets.
 */
import type { Clock } from '../../clock.ts'
import { asConnectorError } from '../../errors.ts'
import { jsonOf } from '../../greengrass/ipc/stream.ts'
import type { Refusal } from '../../message.ts'
import type { PipelineObserver } from '../../observer.ts'
import { quoted } from '../../shown-text.ts'
import type { ConnectionState, Intake, ReceiptOutlet, Route, Source } from '../source.ts'
import type { Unread } from './inbox.ts'
import type { NucleusBus } from './nucleus-bus.ts'
import type { Bus } from './nucleus-connection.ts'
import type { GreengrassOptions } from './options.ts'
import { StatusOutlet } from './status-outlet.ts'

/** How long `close` waits for receipts to go out. The nucleus kills the process 5 s after SIGTERM. */
const CLOSE_TIMEOUT_MS = 1_000
const EMPTY = Buffer.alloc(0)
/** Nucleus lite has room for 7,290 bytes of a status message. The rest is for the error message. */
const LITE_ID_BYTES = 4_096
/** Receipts for AWS IoT Core are counted apart. */
const IOT_CORE_STATUS = 'greengrass.iotCoreStatus'
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
  readonly outlet: ReceiptOutlet
  readonly #options: GreengrassSourceOptions
  /** One for each bus, so that neither waits for the other. */
  readonly #outlets: readonly StatusOutlet[]
  #intake: Intake | undefined
  #isClosed = false
  /** On this connection. */
  readonly #saidRefusals = new Set<Bus>()

  constructor(options: GreengrassSourceOptions) {
    this.#options = options
    const { iotCoreStatus, maxBufferedReceipts: maxReceipts } = options.options
    const outletOn = (bus: Bus) =>
      new StatusOutlet({
        source: bus === 'local' ? this.name : IOT_CORE_STATUS,
        publish: (topic, payload) => this.#publish(bus, topic, payload),
        maxReceipts,
        observer: options.observer,
      })
    const outlets = iotCoreStatus ? [outletOn('local'), outletOn('cloud')] : [outletOn('local')]
    this.#outlets = outlets
    this.outlet = {
      hasListeners: () => outlets.some((one) => one.hasListeners()),
      publish(topic, payloads) {
        for (const one of outlets) one.publish(topic, payloads)
      },
      // Only senders on MQTT 5 ask for receipts on a topic of their own, and there are none here.
      reply() {},
    }
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
        this.#saidRefusals.clear()
        for (const outlet of this.#outlets) outlet.up()
      },
      down: () => {
        for (const outlet of this.#outlets) outlet.down()
      },
      failed: (error, delayMs) => observer.sourceRetried(this.name, error, delayMs),
      recovered: () => observer.sourceRecovered(this.name),
    }
    if (bus.isUp) for (const outlet of this.#outlets) outlet.up()
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
    for (const outlet of this.#outlets) outlet.close()
    this.#options.bus.listener = undefined
  }

  async #publish(bus: Bus, topic: string, payload: Buffer): Promise<void> {
    try {
      await this.#options.bus.publish(bus, topic, payload)
    } catch (thrown) {
      // Each receipt is counted as dropped; the reason is said once for a connection.
      const error = asConnectorError(thrown, 'Unexpected', topic)
      if (error.code === 'NucleusRefused' && !this.#saidRefusals.has(bus)) {
        this.#saidRefusals.add(bus)
        this.#options.observer.sourceRetried(this.name, error, 0)
      }
      throw error
    }
  }

  #take(intake: Intake, topic: string, payload: Buffer): void {
    const route = intake.route(topic)
    if (route === undefined) return
    const id = this.#longIdIn(payload, route)
    if (id === undefined) intake.accept(route, topic, payload, 0, payload.length, undefined, false)
    else intake.refuse(route, topic, EMPTY, 0, 0, idTooLong(topic, id))
  }

  #refuse(intake: Intake, topic: string, payload: Buffer, refusal: Refusal): void {
    const route = intake.route(topic)
    if (route === undefined) return
    const bytes = this.#longIdIn(payload, route) === undefined ? payload : EMPTY
    intake.refuse(route, topic, bytes, 0, bytes.length, refusal)
  }

  /** An id that no status message on nucleus lite has room for. */
  #longIdIn(payload: Buffer, { kind }: Route): string | undefined {
    if (payload.length <= LITE_ID_BYTES || kind === 'binary' || !this.#options.bus.isLite) {
      return undefined
    }
    const id = jsonOf(payload)?.['id']
    return typeof id === 'string' && bytesInJson(id) > LITE_ID_BYTES ? id : undefined
  }

  async #drained(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(CLOSE_TIMEOUT_MS, resolve)
      void Promise.all(this.#outlets.map((outlet) => outlet.drained())).then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

/** The status message cannot have the id, so its text has the beginning. */
function idTooLong(topic: string, id: string): Refusal {
  return {
    error: 'MessageTooLarge',
    message: `expected an id of at most ${LITE_ID_BYTES} bytes, for which nucleus lite has room in a status message, got ${bytesInJson(id)} bytes that begin with ${quoted(id)} (topic ${topic}). This status message is without it`,
  }
}

/** Without the quotes. */
function bytesInJson(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2
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
