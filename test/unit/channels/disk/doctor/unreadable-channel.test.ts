import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspectDirectory } from '../../../../../src/channels/disk/doctor/inspect.ts'
import { repairDirectory } from '../../../../../src/channels/disk/doctor/repair.ts'
import { JournalTrial, promptClock } from '../../../../support/disk/journal-trial.ts'

test('doctor names a channel whose files can’t be opened, and inspects and repairs the others', async () => {
  const trial = new JournalTrial(3)
  await trial.open()
  trial.append('broken', 5)
  trial.append('fine', 5)
  await trial.commit()
  await trial.restart()
  trial.append('fine', 5)
  await trial.commit()
  const { disk } = trial
  disk.fail = (operation, path) =>
    operation === 'open' && path.startsWith('/data/channels/broken/') ? 'EIO' : undefined

  const { channels } = await inspectDirectory('/data', disk)
  const repairs = await repairDirectory({ directory: '/data', clock: promptClock, files: disk })

  assert.deepEqual(
    channels.map(({ channel, messages, findings }) => [channel, messages, findings[0]?.kind]),
    [
      ['broken', 0, 'CannotBeRead'],
      ['fine', 10, undefined],
    ],
  )
  assert.deepEqual(
    repairs.map(({ finding }) => finding.kind),
    ['JournaledMessages'],
  )
})

test('a repair stores positions that are in the journal alone, also when no message is', async () => {
  const trial = new JournalTrial(4)
  await trial.open()
  trial.append('press', 5)
  await trial.commit()
  await trial.restart()
  trial.release('press')
  await trial.commit()

  await repairDirectory({ directory: '/data', clock: promptClock, files: trial.disk })
  for (const path of trial.disk.files) if (path.endsWith('.jnl')) trial.disk.lose(path)
  await trial.open()

  assert.ok((await trial.log('press').loadState()) !== undefined)
})
