/** Metrics of batches and what destinations say to them: a part of the catalogue. */
import { DELIVERY_SECONDS } from '../../../durations/duration-counts.ts'
import type { MetricDeclaration } from './declaration.ts'

export const DELIVERY_METRICS = {
  batch_seconds: {
    type: 'histogram',
    labels: ['destination'],
    help: 'Time a destination took to answer a batch.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  end_to_end_seconds: {
    type: 'histogram',
    labels: ['destination'],
    help: 'Time from the arrival of a message to its acceptance by the destination, by the machine’s clock. Destinations that collect batches in files have none.',
    buckets: DELIVERY_SECONDS,
  },
  batches_sent_total: {
    type: 'counter',
    labels: ['channel', 'destination'],
    help: 'Batches that a destination answered.',
  },
  batch_messages_total: {
    type: 'counter',
    labels: ['channel', 'destination'],
    help: 'Messages in the batches that a destination answered.',
  },
  batches_retried_total: {
    type: 'counter',
    labels: ['channel', 'destination', 'code'],
    help: 'Batches that failed as a whole and will be sent again.',
  },
  rejections_total: {
    type: 'counter',
    labels: ['channel', 'destination', 'code'],
    help: 'Messages that a destination rejected permanently, by the destination’s own error code.',
  },
  dead_letters_lost_total: {
    type: 'counter',
    labels: ['channel'],
    help: 'Dead letters given up because of deadLetters.maxMessages or maxBytes, or not kept for lack of room, since the process started. channel is empty for names that are no channels.',
  },
  destination_recoveries_total: {
    type: 'counter',
    labels: ['channel', 'destination'],
    help: 'Recoveries of a destination after a failure.',
  },
  destination_notices_total: {
    type: 'counter',
    labels: ['channel', 'destination', 'code'],
    help: 'Findings of a destination that a person should look at; delivery goes on. code is the kind: TypeConflict (a value that is NULL in a Parquet column, because its type is another one), ObjectDiffers (an object was there already with other bytes), SpoolRoom (at the start the disk had less room than spoolBytes) or CommitsLost (a database lacks messages that it had stored, after a failover for example).',
  },
  spool_bytes: {
    type: 'gauge',
    labels: ['destination'],
    help: 'Bytes of the files that a destination collects large batches in. They are not part of storage_bytes.',
  },
} as const satisfies Record<string, MetricDeclaration>
