/** The kinds of destinations that rounds can be run with. */

import type { RoundKind } from '../peer.ts'
import { chainKind } from './chain.ts'
import { httpKind } from './http.ts'
import { influxKind } from './influx.ts'
import { iotAnalyticsKind } from './iot-analytics.ts'
import { KAFKA_ROUNDS } from './kafka.ts'
import { natsKind } from './nats.ts'
import { postgresKind } from './postgres.ts'
import { RECORDS_ROUNDS } from './records.ts'
import { s3Kind } from './s3.ts'

export const ROUND_KINDS: readonly RoundKind[] = [
  iotAnalyticsKind,
  chainKind,
  s3Kind,
  ...KAFKA_ROUNDS,
  postgresKind,
  natsKind,
  influxKind,
  httpKind,
  ...RECORDS_ROUNDS,
]
