/** The destinations as HTTP shows them, and their next attempt on request. */
import type { ChannelSet } from '../channels/channel-set.ts'
import type { DestinationDelivery } from '../delivery/destination-delivery.ts'
import type { RetryState } from '../delivery/retry-schedule.ts'
import type {
  DestinationHealth,
  DestinationsView,
  RetriedDestination,
  RetryRequest,
  WaitingChannel,
} from '../http/views/destinations-view.ts'
import { timeText } from '../iso-time.ts'
import { cut, printable } from '../shown-text.ts'

/** Of the channels that wait; there may be thousands. */
const MAX_CHANNELS = 20
/** Destinations word a part of the errors. */
const MAX_TEXT = 1_000

export class DestinationStates implements DestinationsView {
  readonly #channels: ChannelSet
  readonly #deliveries: readonly DestinationDelivery[]

  constructor(channels: ChannelSet, deliveries: readonly DestinationDelivery[]) {
    this.#channels = channels
    this.#deliveries = deliveries
  }

  destinations(): DestinationHealth[] {
    return this.#deliveries.map(({ state }) => ({
      name: state.name,
      state: state.state,
      lastSuccessAt: timeOrNull(state.lastSuccessAt),
      lastRejectedAt: timeOrNull(state.lastRejectedAt),
      rejectedInARow: state.rejectedInARow,
      oldestWaitingAt: timeOrNull(state.oldestWaitingAt),
      unansweredSince: timeOrNull(state.unansweredSince),
      since: timeOrNull(state.since),
      attempts: state.attempts,
      nextAttemptAt: timeOrNull(state.nextAttemptAt),
      error: state.error?.code ?? null,
      error_message: state.error === undefined ? null : textOf(state.error),
      retryingChannels: state.channels.length,
      channels: state.channels.slice(0, MAX_CHANNELS).map(waitingChannel),
    }))
  }

  nextAttempts(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return new Map(this.#deliveries.map(({ state }) => [state.name, timesOf(state.channels)]))
  }

  retryNow({
    channel,
    destination,
  }: RetryRequest): RetriedDestination[] | 'channel' | 'destination' {
    if (channel !== undefined && this.#channels.get(channel) === undefined) return 'channel'
    const asked = this.#deliveries.filter(
      (delivery) => destination === undefined || delivery.destination.name === destination,
    )
    if (asked.length === 0 && destination !== undefined) return 'destination'
    return asked.map((delivery) => ({
      destination: delivery.destination.name,
      retried: delivery.retryNow(channel),
    }))
  }
}

function timesOf(retries: readonly RetryState[]): ReadonlyMap<string, string> {
  return new Map(
    retries.flatMap(({ channel, nextAttemptAt }): [string, string][] =>
      nextAttemptAt === undefined ? [] : [[channel, timeText(nextAttemptAt)]],
    ),
  )
}

function waitingChannel(retry: RetryState): WaitingChannel {
  const { channel, since, attempts, nextAttemptAt, waiting, error } = retry
  return {
    channel,
    since: timeText(since),
    attempts,
    nextAttemptAt: timeOrNull(nextAttemptAt),
    waiting,
    error: error.code,
    error_message: textOf(error),
  }
}

function textOf({ message }: Error): string {
  return printable(cut(message, MAX_TEXT))
}

function timeOrNull(at: number | undefined): string | null {
  return at === undefined ? null : timeText(at)
}
