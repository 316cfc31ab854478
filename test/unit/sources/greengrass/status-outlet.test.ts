import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectorError } from '../../../../src/errors.ts'
import { IpcError } from '../../../../src/greengrass/ipc/ipc-error.ts'
import { silentObserver } from '../../../../src/observer.ts'
import { StatusOutlet } from '../../../../src/sources/greengrass/status-outlet.ts'
import { settled } from '../../../support/settled.ts'

const STATUS = 'iotanalytics/messages/put/status'

interface UnderWay {
  readonly payload: string
  readonly taken: () => void
  readonly refused: (error: Error) => void
}

/** An outlet on a nucleus that answers when the test says so. */
function outletOn({ maxReceipts = 1_000 } = {}) {
  const underWay: UnderWay[] = []
  const counts = { dropped: 0 }
  const outlet = new StatusOutlet({
    source: 'greengrass',
    publish: (_topic, payload) =>
      new Promise((taken, refused) => {
        underWay.push({ payload: payload.toString(), taken, refused })
      }),
    maxReceipts,
    observer: {
      ...silentObserver,
      receiptsDropped: (_source, count) => {
        counts.dropped += count
      },
    },
  })
  return { outlet, underWay, counts, payloads: () => underWay.map(({ payload }) => payload) }
}

function publish(outlet: StatusOutlet, count: number): void {
  const texts = Array.from({ length: count }, (_, n) => `r${n}`)
  const bytes = Buffer.from(texts.join(''))
  let end = 0
  const ends = Uint32Array.from(texts, (text) => {
    end += text.length
    return end
  })
  outlet.publish(STATUS, { count, bytes, ends })
}

test('at most 32 receipts are under way, and each that is taken makes room for the next', async () => {
  const { outlet, underWay, counts, payloads } = outletOn()
  outlet.up()

  publish(outlet, 40)
  assert.equal(underWay.length, 32)
  underWay[5]?.taken()
  underWay[0]?.taken()
  await settled()

  assert.equal(underWay.length, 34)
  assert.deepEqual(payloads().slice(31), ['r31', 'r32', 'r33'])
  assert.equal(counts.dropped, 0)
})

test('a receipt that the nucleus refuses, or has no room for, is counted, and the next one goes', async () => {
  const { outlet, underWay, counts } = outletOn()
  outlet.up()
  publish(outlet, 34)

  underWay[0]?.refused(new ConnectorError('NucleusRefused', 'no permission'))
  underWay[1]?.refused(new IpcError('FrameTooLarge', 'expected at most 9950 bytes'))
  await settled()

  assert.equal(counts.dropped, 2)
  assert.equal(underWay.length, 34)
})

test('behind a nucleus that hangs, receipts wait within their bound, and go out on the next connection', async () => {
  const { outlet, underWay, counts, payloads } = outletOn({ maxReceipts: 40 })
  outlet.up()
  publish(outlet, 50)
  assert.equal(counts.dropped, 10)

  outlet.down()
  outlet.up()
  assert.deepEqual(payloads().slice(32), payloads().slice(0, 32))
  // Answers of the connection before: they say nothing of what was sent again.
  for (const { taken } of underWay.slice(0, 16)) taken()
  for (const { refused } of underWay.slice(16, 32)) refused(new Error('the connection has ended'))
  await settled()
  assert.equal(underWay.length, 64)
  for (const { taken } of underWay.slice(32)) taken()
  await settled()

  assert.deepEqual(payloads().slice(64), ['r32', 'r33', 'r34', 'r35', 'r36', 'r37', 'r38', 'r39'])
  assert.equal(counts.dropped, 10)
})

test('it is drained when the last receipt has been taken, and at once while the nucleus is away', async () => {
  const { outlet, underWay } = outletOn()
  publish(outlet, 1)
  await outlet.drained()
  assert.equal(underWay.length, 0)
  outlet.up()
  let isDrained = false

  const drained = outlet.drained().then(() => {
    isDrained = true
  })
  await settled()
  assert.equal(isDrained, false)
  underWay[0]?.taken()
  await drained
})

test('a close counts what was not taken, ends the wait for it, and takes no more receipts', async () => {
  const { outlet, underWay, counts } = outletOn()
  outlet.up()
  publish(outlet, 40)
  const drained = outlet.drained()

  outlet.close()
  await drained
  publish(outlet, 5)
  for (const { taken } of underWay) taken()
  await settled()

  assert.equal(outlet.hasListeners(), false)
  assert.equal(underWay.length, 32)
  assert.equal(counts.dropped, 40)
})
