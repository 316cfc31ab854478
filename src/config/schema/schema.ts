/**
 * The schema of configuration files, made of every part's `options.ts`. The parser,
 * `docs/configuration.md` and `docs/config.schema.json` are derived from it.
 */
import * as z from 'zod'
import { analyticsOptions } from '../../analytics/options.ts'
import { channelsOptions, deadLetterOptions, storageOptions } from '../../channels/options.ts'
import { deliveryOptions } from '../../delivery/options.ts'
import { batchOptions } from '../../destinations/batch-options.ts'
import { httpOptions } from '../../http/options.ts'
import { batchPutMessageOptions } from '../../sources/batch-put-message/options.ts'
import { greengrassOptions } from '../../sources/greengrass/options.ts'
import { mqttClientOptions } from '../../sources/mqtt-client/options.ts'
import { mqttServerOptions } from '../../sources/mqtt-server/options.ts'
import { logOptions } from '../../telemetry/options.ts'
import { topicFilter } from '../../topic-option.ts'
import { type DestinationKind, destinationKindOptions } from './destination-kinds.ts'
import { parameterOptions } from './parameters.ts'

const sourceOptions = z
  .strictObject({
    mqttServer: mqttServerOptions.optional(),
    mqttClient: mqttClientOptions.optional(),
    batchPutMessage: batchPutMessageOptions.optional(),
    greengrass: greengrassOptions.optional(),
  })
  .describe(
    'Where messages come from. Default: the MQTT server. If given, only the sources it names run.',
  )

export const destinationOptions = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ -')
    .optional()
    .describe(
      'Name in logs, metrics and on disk. The destination’s position is stored under it, so do not change it. Default: the destination’s kind.',
    ),
  ...destinationKindOptions,
  batch: batchOptions.optional(),
  ...deliveryOptions,
})

export const configSchema = z
  .strictObject({
    $schema: z.string().optional().describe('For editors. The connector ignores it.'),
    parameters: parameterOptions.prefault({}),
    connectorId: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ -')
      .optional()
      .describe(
        'Names this connector in every message. Default: chosen once, kept in the data directory.',
      )
      .meta({ examples: ['plant-3-gateway-1'] }),
    inputs: z
      .array(topicFilter)
      .default([])
      .describe(
        'Topics of your own. Their messages go to the channel IotAnalyticsDefaultChannelName as binary data.',
      ),
    sources: sourceOptions.prefault({}),
    storage: storageOptions.prefault({}),
    channels: channelsOptions.prefault({}),
    deadLetters: z
      .union([z.literal(false), deadLetterOptions])
      .prefault({})
      .describe(
        'Keeps messages that were rejected or refused, for inspection and replay. `false`: keeps none.',
      ),
    destinations: z
      .array(destinationOptions)
      .default([])
      .describe('Where messages are sent. Without one, they stay in the local store.'),
    analytics: analyticsOptions.prefault({}),
    http: z
      .union([z.literal(false), httpOptions])
      .prefault({})
      .describe('Health, metrics, the ledger and messages over HTTP. `false`: no HTTP server.'),
    log: logOptions.prefault({}),
  })
  .describe('Configuration of iot-analytics-connector')

type DestinationInput = z.input<typeof destinationOptions>
type AnyInput = z.input<typeof configSchema>

/** The content of a configuration file, and the input of `parseConfig`. */
export interface ConfigInput extends Omit<AnyInput, 'destinations'> {
  /** Each of one kind. */
  readonly destinations?: readonly {
    [Kind in DestinationKind]: DestinationInput & Required<Pick<DestinationInput, Kind>>
  }[DestinationKind][]
}

/** The same including every default, still with the keys of the file. */
export type EffectiveOptions = z.output<typeof configSchema>
