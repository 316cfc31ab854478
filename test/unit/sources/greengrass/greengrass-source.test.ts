import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { silentObserver } from '../../../../src/observer.ts'
import { GreengrassSource } from '../../../../src/sources/greengrass/greengrass-source.ts'
import { NucleusBus } from '../../../../src/sources/greengrass/nucleus-bus.ts'
import { greengrassOptions } from '../../../../src/sources/greengrass/options.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { RecordingIntake } from '../../../support/mqtt/recording-intake.ts'
import { settled } from '../../../support/settled.ts'
import { FakeNucleus } from './fake-nucleus.ts'

const PUT = 'iotanalytics/channels/+/messages/put'
const PUMP = 'iotanalytics/channels/pump/messages/put'
const STATUS = 'iotanalytics/messages/put/status'

async function sourceOn(t: TestContext, nucleus: FakeNucleus, options: object = {}) {
  const clock = new ManualClock()
  const bus = new NucleusBus({ clock, random: () => 0 })
  const reports: string[] = []
  const newSource = async (intake: RecordingIntake) => {
    const source = new GreengrassSource({
      options: greengrassOptions.parse(options),
      bus,
      filters: [PUT],
      clock,
      observer: {
        ...silentObserver,
        receiptsDropped: (source, count) => void reports.push(`${source}: ${count} dropped`),
        sourceRetried: (_source, { code }) => void reports.push(code),
      },
    })
    t.after(async () => {
      const closed = source.close()
      clock.advance(2_000)
      await closed
    })
    await source.start(intake)
    await settled()
    return source
  }
  bus.up(nucleus)
  return { bus, clock, newSource, reports }
}

const envelope = (id: string) => JSON.stringify({ request: { message: 'x' }, id })

function publish(source: GreengrassSource, text: string): void {
  const bytes = Buffer.from(text)
  source.outlet.publish(STATUS, { count: 1, bytes, ends: Uint32Array.of(bytes.length) })
}

test('receipts go to the local bus, and to AWS IoT Core if that is configured', async (t) => {
  for (const iotCoreStatus of [false, true]) {
    const nucleus = new FakeNucleus()
    const { newSource } = await sourceOn(t, nucleus, { iotCoreStatus })
    const source = await newSource(new RecordingIntake())

    publish(source, 'receipt')
    await settled()

    assert.equal(nucleus.published.length, iotCoreStatus ? 2 : 1)
    assert.deepEqual(nucleus.published[0], { topic: STATUS, payload: 'receipt' })
  }
})

test('without the permission to publish, receipts are counted, and the reason is reported once', async (t) => {
  const nucleus = new FakeNucleus()
  nucleus.denied.add(STATUS)
  const { newSource, reports } = await sourceOn(t, nucleus)
  const source = await newSource(new RecordingIntake())

  publish(source, 'one')
  publish(source, 'two')
  await settled()

  assert.deepEqual(reports, ['NucleusRefused', 'greengrass: 1 dropped', 'greengrass: 1 dropped'])
})

test('receipts that AWS IoT Core refuses are counted apart, and the local bus gets all of them', async (t) => {
  const nucleus = new FakeNucleus()
  nucleus.deniedInCloud.add(STATUS)
  const { newSource, reports } = await sourceOn(t, nucleus, { iotCoreStatus: true })
  const source = await newSource(new RecordingIntake())

  publish(source, 'one')
  publish(source, 'two')
  await settled()

  assert.deepEqual(
    nucleus.published.map(({ payload }) => payload),
    ['one', 'two'],
  )
  const dropped = 'greengrass.iotCoreStatus: 1 dropped'
  assert.deepEqual(reports, ['NucleusRefused', dropped, dropped])
})

test('a nucleus that hangs keeps the source from closing for one second at most', async (t) => {
  const nucleus = new FakeNucleus()
  nucleus.hangs = true
  const { clock, newSource, reports } = await sourceOn(t, nucleus)
  const source = await newSource(new RecordingIntake())
  publish(source, 'receipt')
  let isClosed = false

  const closed = source.close().then(() => {
    isClosed = true
  })
  await settled()
  clock.advance(999)
  await settled()
  assert.equal(isClosed, false)
  clock.advance(1)
  await closed

  assert.deepEqual(reports, ['greengrass: 1 dropped'])
})

test('on nucleus lite, a message whose id no status has room for is refused, with its beginning', async (t) => {
  const [fits, isTooLong] = ['i'.repeat(4_096), 'j'.repeat(4_097)]
  for (const isLite of [true, false]) {
    const nucleus = new FakeNucleus({ isLite })
    const { newSource } = await sourceOn(t, nucleus)
    const intake = new RecordingIntake({ kind: 'formatted' })
    await newSource(intake)

    nucleus.deliver('local', PUMP, envelope(fits))
    nucleus.deliver('local', PUMP, envelope(isTooLong))

    const taken = isLite ? [envelope(fits)] : [envelope(fits), envelope(isTooLong)]
    assert.deepEqual(intake.payloads, taken)
    const [refusal] = intake.refusals
    assert.equal(refusal?.error, isLite ? 'MessageTooLarge' : undefined)
    if (isLite) assert.match(String(refusal?.message), /at most 4096 bytes.*got 4097.*"jjjj/)
    // Without the payload, and so without the id.
    assert.deepEqual(intake.refused, isLite ? [''] : [])
  }
})

test('on nucleus lite, a long id in a payload that is stored as it is means nothing', async (t) => {
  const nucleus = new FakeNucleus({ isLite: true })
  const { newSource } = await sourceOn(t, nucleus)
  const intake = new RecordingIntake({ kind: 'binary' })
  await newSource(intake)

  nucleus.deliver('local', PUMP, envelope('i'.repeat(5_000)))

  assert.equal(intake.payloads.length, 1)
})

test('messages wait while the intake is saturated, and are taken after the next commit', async (t) => {
  const nucleus = new FakeNucleus()
  const { newSource } = await sourceOn(t, nucleus)
  const intake = new RecordingIntake()
  await newSource(intake)
  nucleus.deliver('local', PUMP, 'first')
  intake.isSaturated = true
  nucleus.deliver('local', PUMP, 'second')
  assert.deepEqual(intake.payloads, ['first'])

  intake.isSaturated = false
  intake.commit()

  assert.deepEqual(intake.payloads, ['first', 'second'])
})

test('messages between two connectors are taken by the second one', async (t) => {
  const nucleus = new FakeNucleus()
  const { newSource } = await sourceOn(t, nucleus)
  const before = await newSource(new RecordingIntake())
  await before.stopIntake()
  nucleus.deliver('local', PUMP, 'meanwhile')
  const intake = new RecordingIntake()

  await newSource(intake)

  assert.deepEqual(intake.payloads, ['meanwhile'])
})

test('at the last stop, what waits is refused with its payload, and no more is read', async (t) => {
  const nucleus = new FakeNucleus()
  const { bus, newSource } = await sourceOn(t, nucleus)
  const intake = new RecordingIntake()
  const source = await newSource(intake)
  intake.isSaturated = true
  nucleus.deliver('local', PUMP, 'waits')

  bus.unsubscribe()
  await source.stopIntake()
  nucleus.deliver('local', PUMP, 'later')

  assert.deepEqual(intake.refused, ['waits'])
  assert.deepEqual(nucleus.filters, [])
})
