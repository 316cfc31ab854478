/** `doctor` and `export` find the same messages in a directory, whatever was done with it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exportMessages } from '../../src/channels/disk/doctor/export-messages.ts'
import { inspectDirectory } from '../../src/channels/disk/doctor/inspect.ts'
import { ChannelSetRig } from '../support/channels/channel-set-rig.ts'
import { diskStore } from '../support/disk/disk-stores.ts'
import { SimulatedDisk, seededRandom } from '../support/disk/simulated-disk.ts'

const CHANNELS = ['press_1', 'press_2', 'press_3'] as const
const RUNS = Number(process.env['DOCTOR_RUNS'] ?? 25)

const channel = fc.constantFrom(...CHANNELS)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('offer' as const),
      channel,
      count: fc.integer({ min: 1, max: 30 }),
      bytes: fc.integer({ min: 1, max: 900 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      channel,
      count: fc.integer({ min: 1, max: 80 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
)

function rigOn(files: SimulatedDisk, historyBytes: number) {
  return new ChannelSetRig({
    openStore: () => diskStore({ files, slotBytes: 20_480, segmentBytes: 4_000, historyBytes }),
  })
}

async function compare(disk: SimulatedDisk, when: string): Promise<void> {
  const { channels } = await inspectDirectory('/data', disk)
  for (const name of CHANNELS) {
    const found = channels.find((one) => one.channel === name)
    const offsets: number[] = []
    for await (const { offset } of exportMessages('/data', { channel: name }, disk))
      offsets.push(offset)
    assert.deepEqual([when, name, found?.messages ?? 0], [when, name, offsets.length])
  }
}

test('doctor counts the messages that export reads: running, stopped or killed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 60 }),
      fc.constantFrom(0, 20_000, 1_000_000),
      async (steps, historyBytes) => {
        const disk = new SimulatedDisk(seededRandom(7))
        let rig = rigOn(disk, historyBytes)
        await rig.set.open()
        let number = 0
        for (const [index, one] of steps.entries()) {
          if (one.do === 'offer') {
            for (let count = one.count; count > 0; count--)
              rig.offer(one.channel, `${number++}`, 'x'.repeat(one.bytes))
            await rig.set.flush()
          } else if (one.do === 'deliver') {
            if (rig.set.get(one.channel) !== undefined) await rig.deliver(one.channel, one.count)
            await rig.set.flush()
          } else {
            if (one.do === 'stop') await rig.set.close()
            await compare(disk, `${index} ${one.do}`)
            rig = rigOn(disk, historyBytes)
            await rig.set.open()
          }
        }
        await compare(disk, 'end, running')
        await rig.set.close()
        await compare(disk, 'end, stopped')
      },
    ),
    { numRuns: RUNS },
  )
})
