/** The columns that every row has. A stored message is in them, byte for byte. */

export const ROW_COLUMN_NAMES: readonly string[] = [
  'offset',
  'arrival_time',
  'message_id',
  'topic',
  'sender_id',
  'response_topic',
  'correlation_data',
  'payload',
]

/**
 * The names of the columns that are NULL although the message has a value, because the value is of
 * another type; with commas between them. NULL if all values fit.
 */
export const DRIFT_COLUMN = 'drift'
