/** What differs between services that take batches of records and answer by position. */

export interface RecordService {
  /** The name to sign for, and the first part of the public endpoint's host name. */
  readonly service: 'kinesis' | 'firehose'
  /** For people: `Kinesis`. */
  readonly label: string
  /** What records go into, for people: `the stream plant`. */
  readonly target: string
  /** How to create it, for people. */
  readonly howToCreate: string
  /** Version of the API, as in the header `x-amz-target`. */
  readonly api: string
  readonly put: string
  readonly describe: string
  /** Members of every request that name the target: `"StreamName":"plant"`. */
  readonly targetJson: string
  /** Member of an answer with one entry for each record of the request, in the same order. */
  readonly entries: 'Records' | 'RequestResponses'
  readonly failedCount: 'FailedRecordCount' | 'FailedPutCount'
  readonly maxRecords: number
  /** Of one record before base64, with its partition key. */
  readonly maxRecordBytes: number
  /** Of the records of a request. It is applied to base64, so that no way of counting exceeds it. */
  readonly maxRequestBytes: number
}

/** How a message becomes a record. */
export interface RecordFormat {
  readonly format: 'row' | 'payload'
  /** A line feed ends each row: the service joins records. */
  readonly endsLines: boolean
}

/** A batch may be several requests. All of its rows are in memory at once. */
export const MOST = { messages: 10_000, bytes: 16_777_216 } as const
/** 128 KiB of payload, or a row of it, fits into one request many times; longer ones stand alone. */
export const BATCH_DEFAULTS = { messages: 500, bytes: 524_288, intervalMs: 1_000 } as const
