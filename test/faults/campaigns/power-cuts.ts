/**
 * The machine loses power: the connector's disk calls under load are recorded and cut off anywhere,
 * and writes that were not synced are lost or torn at sectors. The connector is started on the
 * rest, checked against what it had acknowledged before the cut, and has to continue from there.
 */
import { fstatSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import { diskAfterCut, type RecordedDisk, readJournal } from '../disk-journal.ts'
import { addFigures, type Figures } from '../figures.ts'
import { Rig } from '../rig.ts'

const CUTS_PER_RECORDING = 3
const RECORDING_MS = 2_000

export const powerCutsCampaign: Campaign = { name: 'power cuts', run }

async function run(options: CampaignOptions): Promise<Figures> {
  const scratch = await mkdtemp(join(tmpdir(), 'faults-power-'))
  const journal = join(scratch, 'journal')
  const descriptor = openSync(journal, 'a')
  const position = () => fstatSync(descriptor).size
  const rig = await Rig.open({ ...options, pauseMs: 5, journal, position })
  try {
    await record(rig)
    const disk = readJournal(journal, rig.directory)
    for (let cut = 0; cut < CUTS_PER_RECORDING || rig.hasTime; cut++) {
      const end = disk.entries[Math.floor(rig.between(0, disk.entries.length))]?.end ?? 0
      const seed = Math.floor(rig.between(0, 2 ** 31))
      addFigures(rig.figures, await goOnAfterCut(rig, disk, { end, seed }))
      rig.count('power cut')
      if (rig.figures.violations.length > 0) return rig.figures
    }
  } finally {
    await rig.close()
    await rm(scratch, { recursive: true, force: true })
  }
  return rig.figures
}

/** Several processes under load, stopped and killed, so that starts and ends are recorded too. */
async function record(rig: Rig): Promise<void> {
  rig.endpoint.state = 'moody'
  const endsAt = performance.now() + RECORDING_MS
  do {
    await rig.start()
    rig.publish()
    await rig.firstAcknowledgement()
    await delay(rig.between(300, 1_500))
    await (rig.random() < 0.5 ? rig.kill() : rig.stop())
  } while (performance.now() < endsAt)
}

async function goOnAfterCut(
  past: Rig,
  recorded: RecordedDisk,
  { end, seed }: { readonly end: number; readonly seed: number },
): Promise<Figures> {
  const disk = await diskAfterCut(recorded, end, past.random)
  const directory = await mkdtemp(join(tmpdir(), 'faults-cut-'))
  for (const path of disk.files) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), disk.contentOf(path))
  }
  const rig = await Rig.open({ seed, lengthMs: 0, directory, position: () => end }, past)
  try {
    // Some of it is delivered while more comes in, the rest after the next start.
    await rig.start()
    rig.publish()
    await delay(rig.between(0, 200))
    await rig.quiet()
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  if (rig.figures.violations.length > 0) {
    rig.figures.violations.push(`power was cut at ${end}, what was left is in ${directory}`)
  }
  return rig.figures
}
