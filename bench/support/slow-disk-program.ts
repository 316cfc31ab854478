/**
 * The connector's program on a medium whose synced writes take `SYNC_MS` milliseconds longer. A
 * write to the journal counts as a synced write; so does the sync of any other file or of a
 * directory.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { FileLayer, OpenFile } from '../../src/channels/disk/files/file-layer.ts'
import { nodeFileLayer } from '../../src/channels/disk/files/node-file-layer.ts'

const SYNC_MS = Number(process.env['SYNC_MS'] ?? 20)
const real: FileLayer = { ...nodeFileLayer }

Object.assign(nodeFileLayer, {
  async open(path, mode) {
    const file = await real.open(path, mode)
    return mode === 'read' ? file : slowed(file, mode === 'durable')
  },
  async syncDirectory(path) {
    await delay(SYNC_MS)
    await real.syncDirectory(path)
  },
} satisfies Partial<FileLayer>)

function slowed(file: OpenFile, isDurable: boolean): OpenFile {
  return {
    async write(bytes, start, end, position) {
      if (isDurable) await delay(SYNC_MS)
      await file.write(bytes, start, end, position)
    },
    async sync() {
      await delay(SYNC_MS)
      await file.sync()
    },
    read: (into, length, position) => file.read(into, length, position),
    truncate: (bytes) => file.truncate(bytes),
    bytes: () => file.bytes(),
    close: () => file.close(),
  }
}

await import('../../src/cli/main.ts')
