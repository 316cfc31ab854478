/** The configuration as the rest of the program sees it: resolved, frozen, nothing left to look up. */
import type { ChannelsOptions, DeadLetterOptions, StorageOptions } from '../channels/options.ts'
import type { DeliveryOptions } from '../delivery/options.ts'
import type { IotAnalyticsOptions } from '../destinations/iot-analytics/options.ts'
import type { HttpOptions } from '../http/options.ts'
import type { MqttClientOptions } from '../sources/mqtt-client/options.ts'
import type { MqttServerOptions } from '../sources/mqtt-server/options.ts'
import type { LogOptions } from '../telemetry/options.ts'
import type { ConnectorParameters } from './schema/parameters.ts'

export interface IotAnalyticsDestinationConfig {
  readonly kind: 'iotAnalytics'
  /** Unique, and part of what is kept on disk. */
  readonly name: string
  /** `region` is the one to sign for, wherever it came from. */
  readonly options: IotAnalyticsOptions & { readonly region: string }
  readonly delivery: DeliveryOptions
}

/** One entry of `destinations`. Told apart by `kind`. */
export type DestinationConfig = IotAnalyticsDestinationConfig

export interface ConnectorConfig {
  readonly parameters: ConnectorParameters
  /** Topic filters whose messages go to `parameters.defaultChannelName`, which is set if there are any. */
  readonly inputs: readonly string[]
  /** At least one of them. */
  readonly sources: {
    readonly mqttServer: MqttServerOptions | undefined
    readonly mqttClient: MqttClientOptions | undefined
  }
  readonly storage: StorageOptions
  /** By channel; `*` for all that say nothing else. Durations in milliseconds. */
  readonly channels: ChannelsOptions
  /** Undefined: none are kept. */
  readonly deadLetters: DeadLetterOptions | undefined
  /** The first is the primary one: it decides what receipts say. */
  readonly destinations: readonly DestinationConfig[]
  /** Undefined: no HTTP server. */
  readonly http: HttpOptions | undefined
  readonly log: LogOptions
}
