import type { Channel } from '../../channels/channel.ts'
import type { Cursor, Lease } from '../../channels/cursors/cursor.ts'

/**
 * Makes the boundaries of a planned batch durable, so that they are the same after a crash. If that
 * fails, the messages are kept, and the plan holds for the next attempt too.
 * @throws {ConnectorError} StorageFailed
 */
export async function storePlan(
  lease: Lease,
  { channel, cursor }: { readonly channel: Channel; readonly cursor: Cursor },
): Promise<void> {
  try {
    await channel.storeState()
  } catch (error) {
    cursor.settle(lease, { rejected: [], kept: lease.messages.map((_, index) => index) })
    throw error
  }
}
