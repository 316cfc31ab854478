/** Creates the destinations that a configuration names. The code of others is not loaded. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Upstream } from '../chain/origin.ts'
import type { ConnectorConfig, DestinationConfig } from '../config/connector-config.ts'
import type { DestinationKind, DestinationOptions } from '../config/schema/destination-kinds.ts'
import type { ConnectorParameters } from '../config/schema/parameters.ts'
import type { Destination } from '../destinations/destination.ts'
import type {
  DestinationReports,
  DestinationSettings,
} from '../destinations/destination-settings.ts'
import { ConnectorError } from '../errors.ts'
import { type PipelineObserver, silentObserver } from '../observer.ts'
import type { PartContext } from './parts.ts'

export interface DestinationContext extends Pick<PartContext, 'clock' | 'random'> {
  /** Default: what a destination finds is ignored. */
  readonly observer?: PipelineObserver
  readonly connectorId: string
  /** Where spools are. Default: in the data directory. */
  readonly spools?: string
  /** Which connectors the messages of a channel have passed; default: none. */
  readonly upstreamOf?: (channel: string, since: number) => Upstream | undefined
}

type Maker<Kind extends DestinationKind> = (
  settings: DestinationSettings<DestinationOptions[Kind]>,
  parameters: ConnectorParameters,
  context: DestinationContext,
) => Promise<Destination>

const MAKERS: { readonly [Kind in DestinationKind]: Maker<Kind> } = {
  async iotAnalytics(settings, { batchSizePerChannel, publishIntervalMs }, { upstreamOf }) {
    const { IotAnalyticsDestination } = await import('../destinations/iot-analytics/destination.ts')
    return new IotAnalyticsDestination({
      ...settings,
      region: settings.options.region ?? '',
      batchMessages: batchSizePerChannel,
      intervalMs: publishIntervalMs,
      upstreamOf,
    })
  },
  async s3(settings) {
    const { S3Destination } = await import('../destinations/s3/destination.ts')
    return new S3Destination(settings)
  },
  async kafka(settings) {
    const { KafkaDestination } = await import('../destinations/kafka/destination.ts')
    return new KafkaDestination(settings)
  },
  async kinesis(settings) {
    const { KinesisDestination } = await import('../destinations/kinesis/destination.ts')
    return new KinesisDestination(settings)
  },
  async firehose(settings) {
    const { FirehoseDestination } = await import('../destinations/firehose/destination.ts')
    return new FirehoseDestination(settings)
  },
  async postgres(settings) {
    const { PostgresDestination } = await import('../destinations/postgres/destination.ts')
    return new PostgresDestination(settings)
  },
  async http(settings) {
    const { HttpDestination } = await import('../destinations/http/destination.ts')
    return new HttpDestination(settings)
  },
  async influx(settings) {
    const { InfluxDestination } = await import('../destinations/influx/destination.ts')
    return new InfluxDestination(settings)
  },
  async nats(settings) {
    const { NatsDestination } = await import('../destinations/nats/destination.ts')
    return new NatsDestination(settings)
  },
}

/**
 * @throws {ConnectorError} InvalidConfiguration if the settings don't fit the kind of destination
 */
export async function makeDestination(
  entry: DestinationConfig,
  { parameters, storage }: ConnectorConfig,
  context: DestinationContext,
): Promise<Destination> {
  const { clock, random, connectorId, spools = spoolsOf(storage), observer } = context
  const { kind, name, place, options, batch } = entry
  const settings = {
    name,
    place,
    options,
    connectorId,
    batch,
    spoolDirectory: join(spools, `${connectorId}-${name}`),
    clock,
    random,
    reports: reportsTo(observer ?? silentObserver, name),
  }
  // The kind says which options it has; TypeScript can't follow that through the table.
  const make = MAKERS[kind] as Maker<DestinationKind>
  const destination = await make(settings as Parameters<typeof make>[0], parameters, context)
  expectOneBatch(destination, entry)
  return destination
}

function reportsTo(observer: PipelineObserver, destination: string): DestinationReports {
  return {
    noticed: (channel, notice) => observer.destinationNoticed(channel, destination, notice),
    spoolGrew: (bytes) => observer.spoolGrew(destination, bytes),
  }
}

function spoolsOf({ durability, directory }: ConnectorConfig['storage']): string {
  return join(durability === 'disk' ? directory : tmpdir(), 'spool')
}

/** A destination that records how far it has got needs messages in order. */
function expectOneBatch(destination: Destination, { place, kind, delivery }: DestinationConfig) {
  const { position, batchRule } = destination
  if (position === undefined && batchRule.isPlanned !== true) return
  const entry = place.slice(0, place.lastIndexOf('.'))
  const reason = `, because ${kind} delivers every message exactly once, which needs them in order`
  if (delivery.batchesInFlight > 1) {
    const text = `${entry}.batchesInFlight: expected 1${reason}`
    throw new ConnectorError('InvalidConfiguration', text)
  }
  if (delivery.catchUp.order !== 'backlog-first') {
    const text = `${entry}.catchUp.order: expected backlog-first${reason}`
    throw new ConnectorError('InvalidConfiguration', text)
  }
}
