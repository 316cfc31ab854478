/** The columns of a stored row, as queries and files have them. */

export const ROW_COLUMNS = [
  { name: 'offset', type: 'BIGINT' },
  { name: 'arrival_time', type: 'TIMESTAMP' },
  { name: 'message_id', type: 'VARCHAR' },
  { name: 'topic', type: 'VARCHAR' },
  /** The id the sender gave; empty if it gave none, NULL for a binary message. */
  { name: 'sender_id', type: 'VARCHAR' },
  { name: 'response_topic', type: 'VARCHAR' },
  { name: 'correlation_data', type: 'BLOB' },
  { name: 'payload', type: 'BLOB' },
] as const

export type RowColumn = (typeof ROW_COLUMNS)[number]['name']
