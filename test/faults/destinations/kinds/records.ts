/**
 * Rounds with Kinesis and Firehose: moto behind a gate that throttles, and fails single records. They
 * recognise no record, so some are there twice.
 */
import type { GateRecord, RecordsGate } from '../../../support/destinations/records-gate.ts'
import {
  firehoseSetup,
  kinesisSetup,
  type RecordsSetup,
  rowIn,
  rowsOf,
} from '../../../support/destinations/records-under-test.ts'
import { seededRandom } from '../../../support/disk/simulated-disk.ts'
import {
  MOTO_CREDENTIALS,
  MOTO_REGION,
  type Moto,
  skipWithoutMoto,
  startMoto,
} from '../../../support/servers/moto.ts'
import type { Cleanup } from '../../../support/servers/server-process.ts'
import type { Arrival, RoundKind, RoundPeer } from '../peer.ts'

const SHARE_THROTTLED = 0.05
const SHARE_PARTIAL = 0.1
const SHARE_OF_RECORDS = 0.5
const BATCH = { messages: 100, interval: '0ms' }

const kinesis = recordsKind('kinesis', kinesisSetup, (stream, settings) => ({
  kinesis: { stream, ...settings },
  batch: BATCH,
}))

const firehose = recordsKind('firehose', firehoseSetup, (deliveryStream, settings) => ({
  firehose: { deliveryStream, ...settings },
  batch: BATCH,
}))

export const RECORDS_ROUNDS: readonly RoundKind[] = [kinesis, firehose]

function recordsKind(
  name: string,
  setUp: (t: Cleanup, moto: Moto) => Promise<RecordsSetup<unknown>>,
  entryOf: (
    stream: string,
    settings: ReturnType<typeof settingsAt>,
  ) => ReturnType<RoundPeer['entry']>,
): RoundKind {
  return {
    name,
    skip: skipWithoutMoto,
    isExactlyOnce: false,
    async start(t) {
      const setup = await setUp(t, await startMoto(t))
      failAtTimes(setup.gate)
      const arrivals = arrivalsAt(setup.gate)
      return {
        port: Number(new URL(setup.gate.url).port),
        entry: (port) => entryOf(setup.name, settingsAt(port)),
        async rows() {
          const rows = await rowsOf(setup)
          return rows.map(({ log_id: logId, offset, payload }) => ({
            logId,
            offset,
            payload: Buffer.from(String(payload)),
          }))
        },
        arrivals: async () => arrivals,
      }
    },
  }
}

function settingsAt(port: number) {
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: MOTO_REGION,
    credentials: MOTO_CREDENTIALS,
    // Only what is counted as a fault may fail.
    timeout: '10s',
    maxAttempts: 1,
  }
}

function failAtTimes(gate: RecordsGate): void {
  const random = seededRandom(1)
  const throttled = {
    code: 'ServiceUnavailableException',
    message: 'Slow down.',
  }
  let failsInPart = false
  gate.refusing = () => {
    // Nobody looks at them, and there are many.
    gate.puts.length = 0
    failsInPart = random() < SHARE_PARTIAL
    return random() < SHARE_THROTTLED ? { status: 503, ...throttled } : undefined
  }
  gate.failing = () => {
    if (!failsInPart || random() >= SHARE_OF_RECORDS) return undefined
    return { code: 'InternalFailure', message: 'Not now.' }
  }
}

/** What moto has stored so far, in order. */
function arrivalsAt(gate: RecordsGate): readonly Arrival[] {
  const arrivals: Arrival[] = []
  gate.onStored = (records: readonly GateRecord[], { at, connection }) => {
    for (const record of records) {
      const { log_id: logId, offset } = rowIn(record)
      arrivals.push({ logId, offset, at, connection })
    }
  }
  return arrivals
}
