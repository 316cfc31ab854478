/** A destination and its peer, as the contract of destinations needs them. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { BatchSender } from '../../src/delivery/batches/batch-sender.ts'
import {
  ALL_ACCEPTED,
  type Batch,
  type BatchOutcome,
  type Destination,
  isSpooling,
  type SpoolingDestination,
} from '../../src/destinations/destination.ts'
import { ConnectorError } from '../../src/errors.ts'
import type { Message } from '../../src/message.ts'
import { PATIENT_MS } from '../support/destinations/timeouts.ts'

export interface Received {
  readonly messageId: string
  readonly payload: Buffer
}

type Eventually<T> = T | Promise<T>

/** The peer, with the controls that the contract needs. Those with `?` a peer may not have. */
export interface PeerUnderTest {
  /** What arrived in a channel, in order. */
  received(channel: string): Eventually<readonly Received[]>
  /** From now on accepts requests and never answers, until `recover`. */
  hang(): Eventually<void>
  /** Fails whole batches with a temporary error, until `recover`. */
  fail(): Eventually<void>
  recover(): Eventually<void>
  /** Resolves once a request has reached it. */
  reached(): Promise<void>

  /** Rejects messages permanently or temporarily by their ids; the others are accepted. */
  refuse?(forGood: readonly string[], forNow: readonly string[]): Eventually<void>
  /** Refuses everything that comes with a message with one of these ids, for its content. */
  poison?(messageIds: readonly string[]): Eventually<void>
  /** Refuses the credentials, or has no permission for them, until `recover`. */
  deny?(): Eventually<void>
  /** Has no such bucket, table, topic or stream, until `recover`. */
  miss?(): Eventually<void>
  /** Stores what comes, but its answers don't arrive, until `recover`. */
  loseAnswers?(): Eventually<void>
  /** Answers each request late by this time, until `recover`. */
  slow?(delayMs: number): Eventually<void>
}

export interface DestinationSetup {
  readonly destination: Destination
  readonly peer: PeerUnderTest
  /** One `send` takes no longer than this, whatever happens. */
  readonly maxSendMs: number
  /** Messages that the peer has already are not stored again: no duplicates after a lost answer. */
  readonly recognisesResends?: boolean
  /** A payload of this length is more than the peer takes in one message. */
  readonly tooLargeBytes?: number
}

/** Makes the destination with this `timeout`. */
export type SetUp = (t: TestContext, timeoutMs: number) => Promise<DestinationSetup>
export type Opened = (t: TestContext, timeoutMs?: number) => Promise<DestinationSetup>

export const NOTHING_LEFT: BatchOutcome = { rejected: [], kept: [] }
/** Less than `PATIENT_MS`, so that what ended did not just time out. */
export const AT_ONCE_MS = PATIENT_MS / 2
/** A signal that is not aborted. */
export const idle = new AbortController().signal

export function openedBy(setUp: SetUp): Opened {
  return async (t, timeoutMs = PATIENT_MS) => {
    const setup = await setUp(t, timeoutMs)
    await setup.destination.open()
    t.after(() => setup.destination.close())
    return setup
  }
}

/** Sends a batch as `delivery/` does. */
export function deliver(
  destination: Destination,
  batch: Batch,
  signal: AbortSignal,
): Promise<BatchOutcome> {
  return isSpooling(destination)
    ? deliverSpooled(destination, batch, signal)
    : destination.send(batch, signal)
}

async function deliverSpooled(
  destination: SpoolingDestination,
  { channel, logId, messages }: Batch,
  signal: AbortSignal,
): Promise<BatchOutcome> {
  const spool = await destination.spool(channel, logId)
  try {
    for (const message of messages) assert.ok(spool.take(message), 'the batch ended early')
    await spool.flush()
    const from = messages[0]?.offset ?? 0
    await spool.send({ from, to: from + messages.length }, signal)
    return ALL_ACCEPTED
  } finally {
    await spool.discard()
  }
}

/** Sends as `delivery/` does, which divides a batch that is refused for its content. */
export function deliverDivided(
  destination: Destination,
  { channel, logId, messages }: Batch,
): Promise<BatchOutcome> {
  const log = { channel, id: logId, end: messages.length }
  const cursor = { position: { position: 0 } }
  return new BatchSender({ destination, log, cursor, signal: idle }).send(messages)
}

export function isRetryable(thrown: unknown): boolean {
  assert.ok(thrown instanceof ConnectorError, `not a ConnectorError: ${String(thrown)}`)
  assert.equal(thrown.effect, 'retry')
  return true
}

/** For `assert.rejects`: a failure that keeps the messages, with one of these codes. */
export function keptWith(...codes: readonly string[]): (thrown: unknown) => boolean {
  return (thrown) => {
    isRetryable(thrown)
    assert.ok(thrown instanceof ConnectorError)
    assert.ok(codes.includes(thrown.code), `${thrown.code}: ${thrown.message}`)
    return true
  }
}

export async function idsReceived(peer: PeerUnderTest, channel: string): Promise<string[]> {
  return (await peer.received(channel)).map(({ messageId }) => messageId)
}

export function idsOf(messages: readonly Message[]): string[] {
  return messages.map(({ messageId }) => messageId)
}
