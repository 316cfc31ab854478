/** The kinds of destinations, by their names in configuration files. */
import type * as z from 'zod'
import { firehoseOptions } from '../../destinations/firehose/options.ts'
import { httpOptions } from '../../destinations/http/options.ts'
import { influxOptions } from '../../destinations/influx/options.ts'
import { iotAnalyticsOptions } from '../../destinations/iot-analytics/options.ts'
import { kafkaOptions } from '../../destinations/kafka/options.ts'
import { kinesisOptions } from '../../destinations/kinesis/options.ts'
import { natsOptions } from '../../destinations/nats/options.ts'
import { postgresOptions } from '../../destinations/postgres/options.ts'
import { s3Options } from '../../destinations/s3/options.ts'

export const DESTINATION_KINDS = {
  iotAnalytics: iotAnalyticsOptions,
  s3: s3Options,
  kafka: kafkaOptions,
  kinesis: kinesisOptions,
  firehose: firehoseOptions,
  postgres: postgresOptions,
  http: httpOptions,
  influx: influxOptions,
  nats: natsOptions,
} as const

export type DestinationKind = keyof typeof DESTINATION_KINDS

/** The options of each kind. */
export type DestinationOptions = {
  readonly [Kind in DestinationKind]: z.output<(typeof DESTINATION_KINDS)[Kind]>
}

/** The same schemas, none of them required. */
export const destinationKindOptions = Object.fromEntries(
  Object.entries(DESTINATION_KINDS).map(([kind, schema]) => [kind, schema.optional()]),
) as { [Kind in DestinationKind]: z.ZodOptional<(typeof DESTINATION_KINDS)[Kind]> }

export function isDestinationKind(key: string): key is DestinationKind {
  return Object.hasOwn(DESTINATION_KINDS, key)
}

/** The kinds that an entry of `destinations` names; one, if it is right. */
export function kindsIn(entry: Readonly<Record<string, unknown>>): DestinationKind[] {
  return Object.keys(entry)
    .filter(isDestinationKind)
    .filter((kind) => entry[kind] !== undefined)
}
