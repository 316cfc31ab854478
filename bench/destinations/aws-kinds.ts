/** Kinds whose service at AWS is stood in for by `sink.ts`, and http, which may be any service. */
import { join } from 'node:path'
import type { Cleanup } from '../../test/support/servers/server-process.ts'
import { linesOf, pinned, stopped } from '../support/connector-process.ts'
import { AWS_SETTINGS } from './clients/client.ts'
import { type BenchKind, PEER_CORE } from './kind.ts'

const SINK = 'a sink that answers like it'
const TARGET = 'bench'
/** The smallest objects that are recommended: more of them fit into a run. */
const OBJECT_BYTES = '16MiB'
const OBJECT_MESSAGES = 167_772

async function startSink(t: Cleanup): Promise<string> {
  const sink = pinned(PEER_CORE, process.execPath, [join(import.meta.dirname, 'sink.js')], 'pipe')
  t.after(() => stopped(sink, 'SIGTERM'))
  return `http://127.0.0.1:${await linesOf(sink)()}`
}

type SinkKind = Pick<BenchKind, 'name' | 'peer' | 'target' | 'channels' | 'client'>

/** @param entryAt the entry of `destinations` that sends to the sink */
function sinkKind(kind: SinkKind, entryAt: (url: string) => object): BenchKind {
  return {
    ...kind,
    skip: false,
    async start(t) {
      const url = await startSink(t)
      return {
        connector: async () => ({ destinations: [entryAt(url)] }),
        client: async () => ({ url, target: TARGET }),
      }
    },
  }
}

function s3Kind(
  kind: Pick<BenchKind, 'name' | 'target' | 'client'>,
  options: Readonly<Record<string, unknown>>,
): BenchKind {
  return sinkKind({ ...kind, peer: `S3: ${SINK}`, channels: 1 }, (endpoint) => ({
    s3: { bucket: TARGET, endpoint, ...AWS_SETTINGS, ...options },
    batch: { bytes: OBJECT_BYTES },
  }))
}

export const s3Lines = s3Kind(
  { name: 's3', target: 5, client: { name: 's3', batch: OBJECT_MESSAGES } },
  {},
)
export const s3Parquet = s3Kind(
  { name: 's3-parquet', target: 10, client: { name: 's3Parquet', batch: OBJECT_MESSAGES } },
  { format: 'parquet' },
)
export const s3Columns = s3Kind(
  { name: 's3-parquet-columns', target: 10 },
  { format: 'parquet', columns: 'auto' },
)

export const kinesis = sinkKind(
  {
    name: 'kinesis',
    peer: `Kinesis: ${SINK}`,
    target: 4,
    client: { name: 'kinesis', batch: 500 },
  },
  (endpoint) => ({ kinesis: { stream: TARGET, endpoint, ...AWS_SETTINGS } }),
)

export const firehose = sinkKind(
  {
    name: 'firehose',
    peer: `Firehose: ${SINK}`,
    target: 4,
    client: { name: 'firehose', batch: 500 },
  },
  (endpoint) => ({ firehose: { deliveryStream: TARGET, endpoint, ...AWS_SETTINGS } }),
)

export const http = sinkKind(
  {
    name: 'http',
    peer: 'a sink that answers 200',
    target: 4,
    client: { name: 'fetchLines', batch: 1_000 },
  },
  (url) => ({ http: { url: `${url}/events` } }),
)
