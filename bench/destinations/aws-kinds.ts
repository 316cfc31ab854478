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

function s3Kind(
  kind: Pick<BenchKind, 'name' | 'target' | 'client'>,
  options: Readonly<Record<string, unknown>>,
): BenchKind {
  return {
    ...kind,
    peer: `S3: ${SINK}`,
    skip: false,
    channels: 1,
    async start(t) {
      const url = await startSink(t)
      const s3 = { bucket: TARGET, endpoint: url, ...AWS_SETTINGS, ...options }
      return {
        connector: async () => ({ destinations: [{ s3, batch: { bytes: OBJECT_BYTES } }] }),
        client: async () => ({ url, target: TARGET }),
      }
    },
  }
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

export const kinesis: BenchKind = {
  name: 'kinesis',
  peer: `Kinesis: ${SINK}`,
  target: 4,
  skip: false,
  client: { name: 'kinesis', batch: 500 },
  async start(t) {
    const url = await startSink(t)
    const options = { stream: TARGET, endpoint: url, ...AWS_SETTINGS }
    return {
      connector: async () => ({ destinations: [{ kinesis: options }] }),
      client: async () => ({ url, target: TARGET }),
    }
  },
}

export const firehose: BenchKind = {
  name: 'firehose',
  peer: `Firehose: ${SINK}`,
  target: 4,
  skip: false,
  client: { name: 'firehose', batch: 500 },
  async start(t) {
    const url = await startSink(t)
    const options = { deliveryStream: TARGET, endpoint: url, ...AWS_SETTINGS }
    return {
      connector: async () => ({ destinations: [{ firehose: options }] }),
      client: async () => ({ url, target: TARGET }),
    }
  },
}

export const http: BenchKind = {
  name: 'http',
  peer: 'a sink that answers 200',
  target: 4,
  skip: false,
  client: { name: 'fetchLines', batch: 1_000 },
  async start(t) {
    const url = `${await startSink(t)}/events`
    return {
      connector: async () => ({ destinations: [{ http: { url } }] }),
      client: async () => ({ url, target: TARGET }),
    }
  },
}
