/** Sends to destinations that must fail, or end at once. All are of the channel `line`. */
import assert from 'node:assert/strict'
import type { Destination } from '../../../src/destinations/destination.ts'
import { ConnectorError } from '../../../src/errors.ts'
import type { Message } from '../../../src/message.ts'
import { batchOf, messagesFrom } from '../channels/batch-maker.ts'
import type { Relay } from '../servers/relay.ts'

const MAX_END_MS = 500

/** Why the batch was not stored. */
export async function failureOf(
  destination: Destination,
  messages: readonly Message[],
): Promise<ConnectorError> {
  try {
    await destination.send(batchOf('line', messages), new AbortController().signal)
  } catch (error) {
    assert.ok(error instanceof ConnectorError, String(error))
    return error
  }
  return assert.fail('the batch was stored')
}

/** An aborted send ends at once, and so does close, although the server behind the relay hangs. */
export async function assertEndsAtOnce(destination: Destination, relay: Relay): Promise<void> {
  const abort = new AbortController()
  await destination.send(batchOf('line', messagesFrom(0, 1)), abort.signal)
  relay.hang()
  const begun = performance.now()

  const sent = destination.send(batchOf('line', messagesFrom(1, 1)), abort.signal)
  const ended = assert.rejects(sent, { code: 'Stopping' })
  setImmediate(() => abort.abort())
  await ended
  await destination.close()
  await destination.close()

  assert.ok(performance.now() - begun < MAX_END_MS)
}
