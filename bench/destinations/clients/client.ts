/** Other clients that do the same job, to compare with: what they are given, and what they do. */

export interface Item {
  readonly offset: number
  readonly receivedAt: number
  readonly topic: string
  readonly payload: string
}

export interface ClientJob {
  readonly name: ClientName
  /** Of the peer: an URL, or host:port. */
  readonly url: string
  /** A bucket, stream, topic, table or subject. */
  readonly target: string
  readonly messages: number
  readonly warmUp: number
  /** Messages in a batch. */
  readonly batch: number
  /** Batches under way at once, as the connector has one for each channel. */
  readonly lanes: number
}

export type ClientName =
  | 's3'
  | 's3Parquet'
  | 'kinesis'
  | 'firehose'
  | 'batchPutMessage'
  | 'kafka'
  | 'fetchLines'
  | 'fetchPoints'
  | 'pg'
  | 'jetstream'

export const CLIENT_TITLES: Readonly<Record<ClientName, string>> = {
  s3: '@aws-sdk/client-s3, JSON lines, gzip 1',
  s3Parquet: 'hyparquet-writer and @aws-sdk/client-s3',
  kinesis: '@aws-sdk/client-kinesis',
  firehose: '@aws-sdk/client-firehose',
  batchPutMessage: '@aws-sdk/client-iotanalytics',
  kafka: '@platformatic/kafka, idempotent',
  fetchLines: 'fetch (undici)',
  fetchPoints: 'fetch (undici)',
  pg: 'pg, insert of many rows',
  jetstream: '@nats-io/jetstream',
}

export interface Client {
  /** Resolves when the peer has accepted all of them. */
  send(items: readonly Item[]): Promise<void>
  close(): Promise<void>
}

/** Makes one for each lane. */
export type ClientMaker = (job: ClientJob, lane: number) => Promise<Client>

export const CONNECTOR = 'bench'
export const LOG_ID = '0a1b2c3d'
export const AWS_SETTINGS = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'benchmark-secret-key' },
}

/** The same line that the connector writes. */
export function rowOf({ offset, receivedAt, topic, payload }: Item, lane: number): string {
  const head = JSON.stringify({
    connector: CONNECTOR,
    channel: `readings_${lane}`,
    log_id: LOG_ID,
    offset,
    arrival_time: new Date(receivedAt).toISOString(),
    topic,
    message_id: `${LOG_ID}-${offset}`,
    content_type: 'application/json',
  })
  return `${head.slice(0, -1)},"payload":${payload}}`
}
