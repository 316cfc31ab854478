/** A delivery for each destination, and who makes the receipts. */
import type { ChannelSet } from '../channels/channel-set.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'
import { DestinationDelivery } from '../delivery/destination-delivery.ts'
import { ReceiptDivision } from '../delivery/receipt-division.ts'
import { noReceipts, PrimaryReceipts } from '../delivery/receipts/batch-receipts.ts'
import { CommitReceipts } from '../delivery/receipts/commit-receipts.ts'
import type { ReceiptPublisher } from '../delivery/receipts/receipt-publisher.ts'
import { type DestinationContext, makeDestination } from './destination-makers.ts'
import { openLogNotes, type PartContext } from './parts.ts'

export type UpstreamOf = NonNullable<DestinationContext['upstreamOf']>

export interface DeliveredParts {
  readonly connectorId: string
  readonly channels: ChannelSet
  readonly receipts: ReceiptPublisher
}

/**
 * Makes them one after the other, in the order of the configuration; the first makes the receipts.
 * Without destinations, commits do.
 */
export async function* makeDeliveries(
  config: ConnectorConfig,
  { connectorId, channels, receipts }: DeliveredParts,
  context: PartContext & { readonly upstreamOf: UpstreamOf },
): AsyncGenerator<DestinationDelivery> {
  const { destinations } = config
  const logNotes = await openLogNotes(config)
  const selections = destinations.map(({ delivery }) => delivery)
  const division =
    config.parameters.statusReports === 'none'
      ? undefined
      : new ReceiptDivision(selections, new PrimaryReceipts(receipts))
  if (destinations.length === 0) new CommitReceipts(channels, receipts, context.observer).start()
  for (const [index, destination] of destinations.entries()) {
    yield new DestinationDelivery({
      ...context,
      destination: await makeDestination(destination, config, { ...context, connectorId }),
      channels,
      maxInFlightBatches: destination.delivery.batchesInFlight,
      catchUp: destination.delivery.catchUp,
      selection: destination.delivery,
      receipts: (channel) => division?.receiptsOf(index, channel) ?? noReceipts,
      logNotes,
    })
  }
}
