/**
 * Holds the layer table of ARCHITECTURE.md: which folder may import which. Type imports count too,
 * for a layer that needs another's types can't be lifted out either.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..', '..')
const src = join(root, 'src')

/** Every layer may import the leaf files and itself; the row lists what else, folders or single files. */
const LEAVES = ['errors.ts', 'message.ts', 'clock.ts', 'observer.ts', 'version.ts']
const LAYERS: Record<string, readonly string[]> = {
  'sources/mqtt-server': ['sources/source.ts'],
  'sources/mqtt-client': ['sources/source.ts'],
  'sources/in-process': ['sources/source.ts'],
  sources: [],
  routing: ['sources/source.ts', 'channels'],
  channels: [],
  'channels/disk': ['channels'],
  delivery: ['channels', 'destinations/destination.ts', 'sources/source.ts'],
  'destinations/iot-analytics': ['destinations/destination.ts'],
  destinations: [
    'destinations/iot-analytics/options.ts',
    'destinations/iot-analytics/destination.ts',
  ],
  config: [
    'channels/options.ts',
    'delivery/options.ts',
    'sources/mqtt-server/options.ts',
    'sources/mqtt-client/options.ts',
    'destinations/iot-analytics/options.ts',
    'http/options.ts',
    'telemetry/options.ts',
  ],
  telemetry: ['channels/ledger.ts'],
  http: ['channels/ledger.ts', 'channels/outage-forecast.ts'],
}
/** What stands above the layers, in this order, and may import all that is below. */
const ABOVE = ['connector', 'index.ts', 'cli']

/** Longer than 400 lines, with the reason. */
const LONG_FILES: Record<string, string> = {}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
)

function layerOf(file: string): string | undefined {
  return Object.keys(LAYERS)
    .filter((layer) => file.startsWith(`${layer}/`))
    .sort((a, b) => b.length - a.length)[0]
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    relative(src, resolve(src, dirname(file), match[1] ?? '')),
  )
}

/** Its place in `ABOVE`; -1 for what belongs to a layer. */
function heightOf(file: string): number {
  return ABOVE.findIndex((top) => file === top || file.startsWith(`${top}/`))
}

function mayImport(file: string, target: string): boolean {
  if (heightOf(file) >= 0 || heightOf(target) >= 0) return heightOf(file) >= heightOf(target)
  if (LEAVES.includes(target)) return true
  if (LEAVES.includes(file)) return false
  const layer = layerOf(file)
  if (layer === undefined) return false
  if (layerOf(target) === layer) return true
  return (LAYERS[layer] ?? []).some((allowed) =>
    allowed.endsWith('.ts') ? target === allowed : target.startsWith(`${allowed}/`),
  )
}

test('every import goes where the layer table allows', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((target) => !mayImport(file, target))
      .map((target) => `${file} imports ${target}`),
  )

  assert.deepEqual(wrong, [])
})

test('every file belongs to a layer, to the leaves or stands above', () => {
  const homeless = files.filter(
    (file) => layerOf(file) === undefined && !LEAVES.includes(file) && heightOf(file) === -1,
  )

  assert.deepEqual(homeless, [])
})

test('no source file is longer than 400 lines', () => {
  const long = files.filter(
    (file) =>
      !(file in LONG_FILES) && readFileSync(join(src, file), 'utf8').split('\n').length > 401,
  )

  assert.deepEqual(long, [])
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
