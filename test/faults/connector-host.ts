/**
 * The whole connector in a process of its own. Messages of the parent process make its disk and
 * clock misbehave. SIGTERM stops it as `run` would.
 */
import { nodeFileLayer } from '../../src/channels/disk/files/node-file-layer.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { type ConfigInput, createConnector } from '../../src/index.ts'
import { DiskJournal } from './disk-journal.ts'
import { type DiskOrders, FaultyFiles } from './faulty-files.ts'

export interface HostOptions {
  readonly config: ConfigInput
  /** The file that records the calls to the disk. */
  readonly journal?: string
  /** Orders for the disk from the first call on. */
  readonly disk?: DiskOrders
}

export type HostOrder = { readonly disk: DiskOrders } | { readonly clockMs: number }

export type HostReport =
  | { readonly started: { readonly mqtt: string; readonly http: string } }
  | { readonly failed: { readonly code: string; readonly message: string } }

const options: HostOptions = JSON.parse(process.argv[2] ?? '{}')
const files = new FaultyFiles(
  { ...nodeFileLayer },
  options.journal === undefined ? undefined : new DiskJournal(options.journal),
)
if (options.disk !== undefined) files.order(options.disk)
Object.assign(nodeFileLayer, {
  makeDirectory: files.makeDirectory.bind(files),
  open: files.open.bind(files),
  rename: files.rename.bind(files),
  remove: files.remove.bind(files),
  syncDirectory: files.syncDirectory.bind(files),
})

let clockOffsetMs = 0
const clock: Clock = { ...systemClock, now: () => Date.now() + clockOffsetMs }
const connector = createConnector(options.config, { clock })

process.on('message', (order: HostOrder) => {
  if ('disk' in order) files.order(order.disk)
  else clockOffsetMs = order.clockMs
})
process.on('SIGTERM', () => {
  void connector.stop({ deadlineMs: 500 }).then(() => process.exit(0))
})
// Without its parent it has nothing to do.
process.on('disconnect', () => process.exit(0))

const report = (what: HostReport) => process.send?.(what)
connector.start().then(
  () => {
    const { sources, http = '' } = connector.describe()
    const mqtt = sources.find((source) => source.startsWith('mqtt://')) ?? ''
    report({ started: { mqtt, http } })
  },
  (error: unknown) => {
    const { code = 'Unexpected', message = String(error) } =
      error instanceof Error ? { code: codeOf(error), message: error.message } : {}
    process.send?.({ failed: { code, message } } satisfies HostReport, () => process.exit(1))
  },
)

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'Unexpected'
}
