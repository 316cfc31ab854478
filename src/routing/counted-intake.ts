/** Counts the messages of a source that does not count them itself. */
import type { ReplyTo } from '../message.ts'
import type { ChannelIntake, CommitListener, Outcome, Route } from '../sources/source.ts'

export class CountedIntake implements ChannelIntake {
  /** Messages offered, refused ones included. */
  received = 0
  readonly #intake: ChannelIntake

  constructor(intake: ChannelIntake) {
    this.#intake = intake
  }

  get isSaturated(): boolean {
    return this.#intake.isSaturated
  }

  get isCollecting(): boolean {
    return this.#intake.isCollecting
  }

  route(topic: string): Route | undefined {
    return this.#intake.route(topic)
  }

  accept(
    route: Route,
    topic: string,
    bytes: Buffer,
    start: number,
    end: number,
    reply: ReplyTo | undefined,
    mayWithhold: boolean,
  ): Outcome {
    const outcome = this.#intake.accept(route, topic, bytes, start, end, reply, mayWithhold)
    this.#count(outcome)
    return outcome
  }

  acceptFor(
    channel: string,
    topic: string,
    id: string,
    bytes: Buffer,
    start: number,
    end: number,
  ): Outcome {
    const outcome = this.#intake.acceptFor(channel, topic, id, bytes, start, end)
    this.#count(outcome)
    return outcome
  }

  refuse(
    route: Route | undefined,
    topic: string,
    bytes: Buffer,
    start: number,
    end: number,
    refusal: Parameters<ChannelIntake['refuse']>[5],
  ): void {
    this.received += 1
    this.#intake.refuse(route, topic, bytes, start, end, refusal)
  }

  listen(listener: CommitListener): void {
    this.#intake.listen(listener)
  }

  /** A message that is withheld is offered again, and counted then. */
  #count(outcome: Outcome): void {
    if (typeof outcome === 'number' || !outcome.isWithheld) this.received += 1
  }
}
