/** Deliveries to one destination from a rig's channels, by the rule of the destination. */

import {
  DestinationDelivery,
  type DestinationDeliveryOptions,
} from '../../../src/delivery/destination-delivery.ts'
import { noReceipts } from '../../../src/delivery/receipts/batch-receipts.ts'
import type { Destination } from '../../../src/destinations/destination.ts'
import { silentObserver } from '../../../src/observer.ts'
import type { ChannelSetRig } from './channel-set-rig.ts'

export function deliver(
  rig: ChannelSetRig,
  destination: Destination,
  options: Partial<DestinationDeliveryOptions> = {},
): DestinationDelivery {
  return new DestinationDelivery({
    destination,
    channels: rig.set,
    maxInFlightBatches: 1,
    receipts: () => noReceipts,
    observer: silentObserver,
    clock: rig.clock,
    random: () => 0.5,
    ...options,
  })
}
