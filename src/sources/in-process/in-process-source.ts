/**
 * Lets a program that embeds the connector publish without a network, with the same promise as the
 * MQTT server: when `publish` resolves, the message is committed.
 */
import { ConnectorError, isOwnCode } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import type { CommitListener, Intake, PackedPayloads, ReceiptOutlet, Source } from '../source.ts'

interface Pending {
  readonly cycle: number
  readonly resolve: () => void
  readonly reject: (error: ConnectorError) => void
}

/** Receives the receipts in this process. */
export interface ReceiptListener {
  readonly isListening: boolean
  receive(receipt: string): void
}

export class InProcessSource implements Source, CommitListener {
  readonly name = 'in-process'
  readonly description = 'publish() of the embedding program'
  readonly #pending: Pending[] = []
  readonly #waitingForRoom: (() => void)[] = []
  readonly #receipts: ReceiptListener
  readonly outlet: ReceiptOutlet = {
    hasListeners: () => this.#receipts.isListening,
    publish: (_topic, payloads) => this.#hand(payloads),
    // Senders in this process name no response topic; those of other sources do.
    reply: () => {},
  }
  #intake: Intake | undefined

  constructor(receipts: ReceiptListener) {
    this.#receipts = receipts
  }

  async start(intake: Intake): Promise<void> {
    this.#intake = intake
    intake.listen(this)
  }

  async stopIntake(): Promise<void> {
    this.#intake = undefined
    for (const resume of this.#waitingForRoom.splice(0)) resume()
  }

  async close(): Promise<void> {
    await this.stopIntake()
  }

  /**
   * Takes one message as if a device had published it. Resolves when it is committed. While the
   * intake is saturated, it waits.
   *
   * @throws {ConnectorError} the code says why it was refused; `InvalidTopic` if the connector
   * takes no
   *   messages from the topic, `Stopping` before `start` and after `stopIntake`.
   */
  async publish(topic: string, payload: Buffer): Promise<void> {
    while (this.#intake?.isSaturated === true) {
      await new Promise<void>((resume) => this.#waitingForRoom.push(resume))
    }
    const intake = this.#intake
    if (intake === undefined) throw new ConnectorError('Stopping', 'the connector is not running')
    const route = intake.route(topic)
    if (route === undefined) {
      throw new ConnectorError('InvalidTopic', `topic ${topic} does not belong to any channel`)
    }
    const outcome = intake.accept(route, topic, payload, 0, payload.length, undefined, false)
    if (typeof outcome !== 'number') throw errorOf(outcome.refusal)
    const cycle = outcome
    await new Promise<void>((resolve, reject) => this.#pending.push({ cycle, resolve, reject }))
  }

  committed(cycle: number): void {
    for (const pending of this.#upTo(cycle)) pending.resolve()
    this.#resume()
  }

  failed(cycle: number, refusal: Refusal): void {
    for (const pending of this.#upTo(cycle)) pending.reject(errorOf(refusal))
    this.#resume()
  }

  #hand(receipts: PackedPayloads): void {
    let start = 0
    for (let index = 0; index < receipts.count; index++) {
      const end = receipts.ends[index] ?? start
      this.#receipts.receive(receipts.bytes.toString('utf8', start, end))
      start = end
    }
  }

  #upTo(cycle: number): Pending[] {
    const rest = this.#pending.findIndex((pending) => pending.cycle > cycle)
    return this.#pending.splice(0, rest === -1 ? this.#pending.length : rest)
  }

  #resume(): void {
    if (this.#intake?.isSaturated === true) return
    for (const resume of this.#waitingForRoom.splice(0)) resume()
  }
}

function errorOf(refusal: Refusal): ConnectorError {
  const code = isOwnCode(refusal.error) ? refusal.error : 'Unexpected'
  return new ConnectorError(code, refusal.message)
}
