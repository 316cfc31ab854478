/** The configuration for the other parts: complete, resolved and frozen. */
import type { AnalyticsOptions } from '../analytics/options.ts'
import type { ChannelsOptions, DeadLetterOptions, StorageOptions } from '../channels/options.ts'
import type { DeliveryOptions } from '../delivery/options.ts'
import type { BatchOptions } from '../destinations/batch-options.ts'
import type { HttpOptions } from '../http/options.ts'
import type { BatchPutMessageOptions } from '../sources/batch-put-message/options.ts'
import type { GreengrassOptions } from '../sources/greengrass/options.ts'
import type { MqttClientOptions } from '../sources/mqtt-client/options.ts'
import type { MqttServerOptions } from '../sources/mqtt-server/options.ts'
import type { LogOptions } from '../telemetry/options.ts'
import type { DestinationKind, DestinationOptions } from './schema/destination-kinds.ts'
import type { ConnectorParameters } from './schema/parameters.ts'

interface DestinationConfigOf<Kind extends DestinationKind> {
  readonly kind: Kind
  /** Unique. It is part of the data on disk. */
  readonly name: string
  /** Where `options` are in the configuration: `destinations[0].iotAnalytics`. */
  readonly place: string
  /** Where AWS's Region matters, `region` is the one to sign for, from any of its origins. */
  readonly options: DestinationOptions[Kind]
  readonly batch: BatchOptions
  readonly delivery: DeliveryOptions
}

/** One entry of `destinations`. `kind` says which. */
export type DestinationConfig = {
  [Kind in DestinationKind]: DestinationConfigOf<Kind>
}[DestinationKind]

export interface ConnectorConfig {
  readonly parameters: ConnectorParameters
  /** Undefined: chosen at random once and kept in the data directory. */
  readonly connectorId: string | undefined
  /**
   * Topic filters whose messages go to `parameters.defaultChannelName`, which is set if there are
   * any.
   */
  readonly inputs: readonly string[]
  /** At least one of them. */
  readonly sources: {
    readonly mqttServer: MqttServerOptions | undefined
    readonly mqttClient: MqttClientOptions | undefined
    readonly batchPutMessage: BatchPutMessageOptions | undefined
    readonly greengrass: GreengrassOptions | undefined
  }
  readonly storage: StorageOptions
  /** By channel; `*` for channels without rules of their own. Durations in milliseconds. */
  readonly channels: ChannelsOptions
  /** Undefined: dead letters are not kept. */
  readonly deadLetters: DeadLetterOptions | undefined
  /** The first one is primary: its answers decide the receipts. */
  readonly destinations: readonly DestinationConfig[]
  /** Without `tables` there are no Parquet files. */
  readonly analytics: AnalyticsOptions
  /** Undefined: no HTTP server. */
  readonly http: HttpOptions | undefined
  readonly log: LogOptions
}
