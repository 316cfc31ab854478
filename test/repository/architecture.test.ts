/**
 * Holds the arrows of ARCHITECTURE.md: which folder may import which. Type imports count too: a
 * folder that needs another's types cannot be used without it either.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..', '..')
const src = join(root, 'src')

/** Every folder may import these files. They import only each other. */
const LEAVES = [
  'addresses.ts',
  'channel-name.ts',
  'clock.ts',
  'errors.ts',
  'iso-time.ts',
  'message.ts',
  'observer.ts',
  'serial-queue.ts',
  'shown-text.ts',
  'topics.ts',
  'topic-option.ts',
  'unit-options.ts',
  'units.ts',
  'version.ts',
]

/** What the files of a folder may import besides each other: other folders, or single files. */
const ARROWS: Record<string, readonly string[]> = {
  'sources/': [],
  'sources/batch-put-message/': ['sources/', 'aws-server/', 'chain/', 'channels/log/'],
  'aws-server/': ['named-files/'],
  'chain/': [],
  'sources/in-process/': ['sources/'],
  'sources/greengrass/': ['sources/', 'greengrass/ipc/'],
  'sources/mqtt-client/': ['sources/', 'connection-errors/', 'named-files/'],
  'sources/mqtt-server/': [
    'sources/',
    'sources/mqtt-server/connection/',
    'sources/mqtt-server/handlers/',
    'sources/mqtt-server/broker/',
    'sources/mqtt-server/sessions/',
    'sources/mqtt-server/sessions/store/',
    'sources/mqtt-server/listeners/',
    'sources/mqtt-server/access/',
    'sources/mqtt-server/limits/',
    'sources/mqtt-server/packets/',
    'named-files/',
  ],
  'sources/mqtt-server/connection/': [
    'sources/mqtt-server/handlers/',
    'sources/mqtt-server/broker/',
    'sources/mqtt-server/sessions/',
    'sources/mqtt-server/topics/',
    'sources/mqtt-server/listeners/',
    'sources/mqtt-server/access/',
    'sources/mqtt-server/limits/',
    'sources/mqtt-server/packets/',
  ],
  'sources/mqtt-server/handlers/': [
    'sources/',
    'sources/mqtt-server/broker/',
    'sources/mqtt-server/sessions/',
    'sources/mqtt-server/topics/',
    'sources/mqtt-server/access/',
    'sources/mqtt-server/limits/',
    'sources/mqtt-server/packets/',
  ],
  'sources/mqtt-server/broker/': [
    'sources/',
    'sources/mqtt-server/sessions/',
    'sources/mqtt-server/sessions/store/',
    'sources/mqtt-server/topics/',
    'sources/mqtt-server/access/',
    'sources/mqtt-server/limits/',
    'sources/mqtt-server/packets/',
    'durations/',
  ],
  'sources/mqtt-server/sessions/': [
    'sources/',
    'sources/mqtt-server/sessions/store/',
    'sources/mqtt-server/topics/',
    'sources/mqtt-server/access/',
    'sources/mqtt-server/limits/',
    'sources/mqtt-server/packets/',
  ],
  'sources/mqtt-server/sessions/store/': [
    'sources/',
    'sources/mqtt-server/topics/',
    'sources/mqtt-server/limits/',
    'sources/mqtt-server/packets/',
  ],
  'sources/mqtt-server/topics/': [
    'sources/',
    'sources/mqtt-server/limits/',
    'sources/mqtt-server/packets/',
  ],
  'sources/mqtt-server/listeners/': [
    'sources/mqtt-server/options.ts',
    'sources/mqtt-server/access/',
    'sources/mqtt-server/limits/',
    'named-files/',
  ],
  'sources/mqtt-server/access/': [
    'sources/mqtt-server/options.ts',
    'sources/mqtt-server/limits/',
    'sources/mqtt-server/packets/',
    'named-files/',
  ],
  'sources/mqtt-server/limits/': [],
  'sources/mqtt-server/packets/': [],
  'greengrass/component/': ['greengrass/ipc/'],
  'greengrass/ipc/': [],
  'routing/': ['sources/', 'channels/', 'channels/dead-letters/'],
  'channels/': [
    'channels/ledger/',
    'channels/dead-letters/',
    'channels/limits/',
    'channels/cursors/',
    'channels/commit/',
    'channels/log/',
  ],
  'channels/ledger/': ['channels/commit/', 'channels/cursors/', 'channels/log/'],
  'channels/dead-letters/': ['channels/cursors/', 'channels/log/'],
  'channels/limits/': ['channels/cursors/', 'channels/log/'],
  'channels/cursors/': ['channels/log/'],
  'channels/commit/': ['channels/log/'],
  'channels/log/': [],
  'channels/disk/': [
    'channels/disk/segments/',
    'channels/disk/journal/',
    'channels/disk/format/',
    'channels/disk/files/',
    'channels/log/',
  ],
  'channels/disk/doctor/': [
    'channels/disk/',
    'channels/disk/segments/',
    'channels/disk/journal/',
    'channels/disk/format/',
    'channels/disk/files/',
    'channels/log/',
  ],
  'channels/disk/segments/': ['channels/disk/format/', 'channels/disk/files/', 'channels/log/'],
  'channels/disk/journal/': ['channels/disk/format/', 'channels/disk/files/', 'channels/log/'],
  'channels/disk/format/': ['channels/disk/files/', 'channels/log/'],
  'channels/disk/files/': ['channels/log/'],
  'delivery/': [
    'delivery/batches/',
    'delivery/receipts/',
    'channels/',
    'channels/cursors/',
    'channels/dead-letters/',
    'destinations/',
  ],
  'delivery/batches/': [
    'delivery/receipts/',
    'channels/',
    'channels/cursors/',
    'channels/dead-letters/',
    'destinations/',
    'destinations/rows/',
    'durations/',
  ],
  'delivery/receipts/': ['channels/', 'destinations/', 'sources/'],
  'destinations/': [],
  'destinations/rows/': [],
  'destinations/posting/': ['destinations/http-client/', 'connection-errors/', 'named-files/'],
  'destinations/http/': [
    'destinations/',
    'destinations/posting/',
    'destinations/rows/',
    'named-files/',
  ],
  'destinations/influx/': ['destinations/', 'destinations/posting/', 'destinations/rows/'],
  'destinations/iot-analytics/': [
    'destinations/',
    'chain/',
    'destinations/aws/',
    'destinations/http-client/',
    'connection-errors/',
  ],
  'destinations/postgres/': [
    'destinations/',
    'destinations/rows/',
    'connection-errors/',
    'named-files/',
  ],
  'destinations/s3/': [
    'destinations/',
    'destinations/rows/',
    'destinations/s3/files/',
    'destinations/aws/',
    'destinations/http-client/',
    'connection-errors/',
  ],
  'destinations/s3/files/': ['destinations/rows/', 'destinations/s3/parquet/'],
  'destinations/s3/parquet/': ['destinations/rows/'],
  'destinations/nats/': [
    'destinations/',
    'destinations/rows/',
    'connection-errors/',
    'named-files/',
  ],
  'destinations/aws/': ['destinations/http-client/', 'connection-errors/', 'named-files/'],
  'destinations/aws/records/': [
    'destinations/',
    'destinations/aws/',
    'destinations/http-client/',
    'destinations/rows/',
    'connection-errors/',
  ],
  'destinations/http-client/': ['named-files/'],
  'destinations/kafka/': [
    'destinations/',
    'destinations/kafka/protocol/',
    'destinations/rows/',
    'named-files/',
  ],
  'destinations/kafka/protocol/': [
    'destinations/',
    'destinations/rows/',
    'destinations/kafka/options.ts',
    'connection-errors/',
    'named-files/',
  ],
  'destinations/kinesis/': [
    'destinations/',
    'destinations/aws/',
    'destinations/aws/records/',
    'destinations/rows/',
  ],
  'destinations/firehose/': ['destinations/', 'destinations/aws/', 'destinations/aws/records/'],
  'analytics/api/': [
    'analytics/api/operations/',
    'analytics/api/contracts/',
    'analytics/resources/',
    'aws-server/',
  ],
  'analytics/api/operations/': [
    'analytics/api/options.ts',
    'analytics/api/contracts/',
    'analytics/resources/',
    'aws-server/',
  ],
  'analytics/api/contracts/': ['analytics/resources/'],
  'analytics/resources/': ['channels/disk/files/'],
  'analytics/duckdb/': [],
  'analytics/query/': [
    'analytics/query/formats/',
    'analytics/query/tables/',
    'analytics/duckdb/',
    'analytics/worker/',
    'analytics/worker-program.ts',
  ],
  'analytics/query/tables/': [
    'analytics/datastores/schema/',
    'analytics/duckdb/',
    'analytics/resources/',
    'analytics/rows/',
    'analytics/tables/',
  ],
  'analytics/query/formats/': ['analytics/duckdb/'],
  'analytics/pipelines/': [
    'analytics/pipelines/activities/',
    'analytics/pipelines/expressions/',
    'analytics/pipelines/functions/',
    'analytics/pipelines/json/',
    'analytics/pipelines/things/',
    'analytics/api/contracts/',
    'analytics/resources/',
    'analytics/worker/',
    'destinations/aws/',
    'named-files/',
  ],
  'analytics/pipelines/activities/': [
    'analytics/pipelines/expressions/',
    'analytics/pipelines/functions/',
    'analytics/pipelines/json/',
    'analytics/pipelines/things/',
  ],
  'analytics/pipelines/expressions/': ['analytics/pipelines/json/'],
  'analytics/lines/': [],
  'analytics/programs/': [],
  'analytics/pipelines/functions/': [
    'analytics/lines/',
    'analytics/pipelines/json/',
    'analytics/programs/',
  ],
  'analytics/pipelines/things/': [
    'analytics/pipelines/json/',
    'destinations/aws/',
    'destinations/http-client/',
    'connection-errors/',
    'named-files/',
  ],
  'analytics/pipelines/failures/': ['channels/disk/files/'],
  'analytics/pipelines/failures/doctor/': [
    'analytics/pipelines/failures/',
    'channels/disk/doctor/',
    'channels/disk/files/',
  ],
  'analytics/pipelines/json/': [],
  'config/': [
    'config/inputs/',
    'config/schema/',
    'analytics/options.ts',
    'channels/options.ts',
    'delivery/options.ts',
    'sources/mqtt-server/options.ts',
    'sources/batch-put-message/options.ts',
    'sources/greengrass/options.ts',
    'sources/mqtt-client/options.ts',
    'destinations/batch-options.ts',
    'http/options.ts',
    'telemetry/options.ts',
    'http/api/shapes/',
  ],
  'config/inputs/': ['config/schema/'],
  'config/schema/': [
    'analytics/options.ts',
    'channels/options.ts',
    'delivery/options.ts',
    'sources/mqtt-server/options.ts',
    'sources/batch-put-message/options.ts',
    'sources/greengrass/options.ts',
    'sources/mqtt-client/options.ts',
    'destinations/batch-options.ts',
    'destinations/<kind>/options.ts',
    'http/options.ts',
    'telemetry/options.ts',
  ],
  'analytics/': [
    'analytics/api/options.ts',
    'analytics/pipelines/',
    'analytics/worker/',
    'analytics/tables/jobs/',
    'analytics/tables/options.ts',
    'analytics/uploads/options.ts',
    'analytics/datastores/jobs/',
    'analytics/imports/',
    'analytics/query/',
    'analytics/datasets/options.ts',
  ],
  'analytics/tables/': [
    'analytics/duckdb/',
    'analytics/rows/',
    'channels/disk/files/',
    'channels/log/',
  ],
  'analytics/tables/doctor/': [
    'analytics/tables/',
    'analytics/tables/jobs/',
    'channels/disk/doctor/',
    'channels/disk/files/',
  ],
  'analytics/tables/jobs/': [
    'analytics/duckdb/',
    'analytics/tables/',
    'analytics/rows/',
    'analytics/worker/',
    'channels/disk/files/',
    'channels/log/',
  ],
  'analytics/datastores/': [
    'analytics/datastores/schema/',
    'analytics/pipelines/',
    'analytics/pipelines/failures/',
    'analytics/resources/',
    'analytics/tables/',
    'analytics/worker/',
    'channels/disk/files/',
  ],
  'analytics/datastores/jobs/': [
    'analytics/duckdb/',
    'analytics/pipelines/',
    'analytics/pipelines/failures/',
    'analytics/resources/',
    'analytics/rows/',
    'analytics/tables/',
    'analytics/tables/jobs/',
    'analytics/worker/',
    'channels/disk/files/',
    'channels/log/',
  ],
  'analytics/datastores/schema/': ['analytics/duckdb/', 'analytics/resources/'],
  'analytics/uploads/': [
    'analytics/tables/',
    'channels/disk/files/',
    'destinations/s3/',
    'destinations/aws/',
  ],
  'analytics/imports/': [
    'analytics/datastores/schema/',
    'analytics/duckdb/',
    'analytics/lines/',
    'analytics/resources/',
    'analytics/tables/',
    'analytics/tables/jobs/',
    'analytics/worker/',
    'analytics/worker-program.ts',
    'channels/disk/files/',
  ],
  'analytics/datasets/': [
    'analytics/datasets/containers/',
    'analytics/datasets/contracts/',
    'analytics/datasets/delivery/',
    'analytics/datasets/urls/',
    'analytics/datasets/versions/',
    'analytics/api/contracts/',
    'analytics/datastores/',
    'analytics/duckdb/',
    'analytics/resources/',
    'channels/disk/files/',
    'destinations/http-client/',
    'destinations/s3/options.ts',
    'named-files/',
  ],
  'analytics/datasets/containers/': [
    'analytics/datasets/contracts/',
    'analytics/datasets/options.ts',
    'analytics/datasets/versions/',
    'analytics/programs/',
    'analytics/resources/',
    'channels/disk/files/',
  ],
  'analytics/datasets/contracts/': [
    'analytics/datasets/versions/',
    'analytics/query/',
    'analytics/resources/',
  ],
  'analytics/datasets/delivery/': [
    'analytics/datasets/contracts/',
    'analytics/datasets/options.ts',
    'analytics/datasets/urls/',
    'analytics/datasets/versions/',
    'analytics/resources/',
    'destinations/http-client/',
    'destinations/s3/',
  ],
  'analytics/datasets/urls/': ['analytics/datasets/versions/', 'channels/disk/files/'],
  'analytics/datasets/versions/': ['analytics/resources/', 'channels/disk/files/'],
  'analytics/worker/': [],
  'analytics/rows/': [
    'analytics/duckdb/',
    'channels/disk/',
    'channels/disk/journal/',
    'channels/disk/format/',
    'channels/disk/files/',
  ],
  'greengrass/plan/': [
    'config/',
    'config/inputs/',
    'config/schema/',
    'routing/',
    'sources/greengrass/probe.ts',
  ],
  'telemetry/': ['telemetry/log/', 'telemetry/metrics/'],
  'telemetry/log/': ['telemetry/options.ts'],
  'telemetry/traces/': ['telemetry/options.ts'],
  'telemetry/metrics/': ['telemetry/metrics/catalogue/', 'channels/ledger/', 'durations/'],
  'telemetry/metrics/catalogue/': ['durations/'],
  'durations/': [],
  'http/': [
    'http/routes/',
    'http/connections/',
    'http/requests/',
    'http/views/',
    'named-files/',
    'http/access/',
    'http/api/',
    'http/live/',
  ],
  'http/routes/': [
    'http/connections/',
    'http/requests/',
    'http/views/',
    'channels/ledger/',
    'http/access/',
  ],
  'http/access/': [
    'http/api/shapes/',
    'http/options.ts',
    'http/requests/',
    'named-files/',
    'sources/mqtt-server/limits/',
  ],
  'http/api/': [
    'http/access/',
    'http/api/shapes/',
    'http/connections/',
    'http/requests/',
    'http/routes/',
    'http/views/',
  ],
  'http/api/shapes/': [],
  'http/live/': [
    'http/api/',
    'http/api/shapes/',
    'http/connections/',
    'http/requests/',
    'http/views/',
  ],
  'http/connections/': ['http/requests/', 'sources/mqtt-server/limits/', 'named-files/'],
  'http/requests/': [],
  'http/views/': ['channels/ledger/', 'channels/dead-letters/', 'http/api/shapes/'],
  'connection-errors/': [],
  'format/': [],
  'named-files/': [],
  'operator/': [
    'operator/why/',
    'routing/',
    'channels/',
    'channels/ledger/',
    'channels/dead-letters/',
    'delivery/',
    'telemetry/metrics/',
    'http/views/',
    'sources/',
    'operator/sampling/',
    'operator/snapshots/',
    'http/api/shapes/',
  ],
  'operator/sampling/': ['channels/', 'channels/ledger/', 'http/api/shapes/'],
  'operator/snapshots/': [
    'operator/sampling/',
    'channels/',
    'channels/ledger/',
    'channels/log/',
    'delivery/',
    'http/api/shapes/',
    'http/views/',
    'sources/',
    'format/',
  ],
  'operator/why/': [
    'channels/',
    'channels/dead-letters/',
    'delivery/',
    'delivery/batches/',
    'http/views/',
    'http/api/shapes/',
  ],
}

/** The places above the folders, in this order; each may import everything below it. */
const ABOVE = ['connector/', 'index.ts', 'cli/']

/** The most files that a folder may hold besides its sub-folders. */
const MAX_FILES = 15
/** Files and folders that may exceed these limits, with the reason. */
const EXCEPTIONS: Record<string, string> = {}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
)

/** The folder with its slash, as in the tables; empty for a file of `src/` itself. */
function folderOf(file: string): string {
  const folder = dirname(file)
  return folder === '.' ? '' : `${folder}/`
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    relative(src, resolve(src, dirname(file), match[1] ?? '')),
  )
}

/** Its place in `ABOVE`; -1 for the others. */
function heightOf(file: string): number {
  return ABOVE.findIndex((top) => file === top || (top.endsWith('/') && file.startsWith(top)))
}

function mayImport(file: string, target: string): boolean {
  if (heightOf(file) >= 0 || heightOf(target) >= 0) return heightOf(file) >= heightOf(target)
  if (LEAVES.includes(target)) return true
  if (LEAVES.includes(file)) return false
  const [from, to] = [folderOf(file), folderOf(target)]
  const names = namesOf(target)
  return from === to || (ARROWS[from] ?? []).some((allowed) => names.includes(allowed))
}

/** How an arrow may name the file that it leads to. */
function namesOf(target: string): string[] {
  const ofKind = target.replace(
    /^destinations\/[^/]+\/options\.ts$/,
    'destinations/<kind>/options.ts',
  )
  return [folderOf(target), target, ofKind]
}

/** The tables of ARCHITECTURE.md, in the same form as `ARROWS`. */
function documentedArrows(): Record<string, readonly string[]> {
  const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  const rows = page.matchAll(/^\| `([^`]+\/)` \|[^|]*\|([^|]*)\|$/gm)
  return Object.fromEntries(
    [...rows].map(([, folder = '', targets = '']) => [
      folder,
      [...targets.matchAll(/`([^`]+)`/g)].map(([, target = '']) => target),
    ]),
  )
}

test('every import follows an arrow', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((target) => !mayImport(file, target))
      .map((target) => `${file} imports ${target}`),
  )

  assert.deepEqual(wrong, [])
})

test('every arrow is used', () => {
  const used = new Set(
    files.flatMap((file) =>
      importsOf(file).flatMap((target) =>
        namesOf(target).map((name) => `${folderOf(file)} → ${name}`),
      ),
    ),
  )
  const unused = Object.entries(ARROWS).flatMap(([folder, targets]) =>
    targets.map((target) => `${folder} → ${target}`).filter((arrow) => !used.has(arrow)),
  )

  assert.deepEqual(unused, [])
})

test('the arrows go one way: no folder reaches itself through others', () => {
  const reaches = (from: string, seen: Set<string>): Set<string> => {
    for (const target of ARROWS[from] ?? []) {
      if (seen.has(target)) continue
      seen.add(target)
      reaches(target, seen)
    }
    return seen
  }
  const circular = Object.keys(ARROWS).filter((folder) => reaches(folder, new Set()).has(folder))

  assert.deepEqual(circular, [])
})

test('every folder has a row, in the test and in ARCHITECTURE.md alike', () => {
  const folders = files
    .filter((file) => !LEAVES.includes(file) && heightOf(file) === -1)
    .map(folderOf)

  assert.deepEqual([...new Set(folders)].sort(), Object.keys(ARROWS).sort())
  assert.deepEqual(documentedArrows(), ARROWS)
})

test('no source file is longer than 400 lines, and no folder holds more than 15 files', () => {
  const long = files.filter(
    (file) => readFileSync(join(src, file), 'utf8').split('\n').length > 401,
  )
  const crowded = [...new Set(files.map(folderOf))].filter(
    (folder) => files.filter((file) => folderOf(file) === folder).length > MAX_FILES,
  )

  assert.deepEqual(
    [...long, ...crowded].filter((place) => !(place in EXCEPTIONS)),
    [],
  )
})

test('environment variables are read in config/ and cli/ alone', () => {
  const readers = files.filter(
    (file) =>
      !file.startsWith('config/') &&
      !file.startsWith('cli/') &&
      readFileSync(join(src, file), 'utf8').includes('process.env'),
  )

  assert.deepEqual(readers, [])
})
