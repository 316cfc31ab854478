/** The destination against VictoriaMetrics, which keeps times in milliseconds, and only numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchOf, makeMessage } from '../../../support/channels/batch-maker.ts'
import { errorOf, never } from '../../../support/destinations/destination-under-test.ts'
import { openInflux } from '../../../support/destinations/influx-destination.ts'
import {
  skipWithoutVictoriaMetrics,
  startVictoriaMetrics,
} from '../../../support/servers/victoria-metrics.ts'

const AT = Date.UTC(2026, 0, 31)
const options = { skip: skipWithoutVictoriaMetrics }

function messagesOf(count: number) {
  return Array.from({ length: count }, (_, offset) => {
    const payload = Buffer.from(`{"n":${offset},"state":"x\\nevil v=1"}`)
    return makeMessage(offset, { payload, receivedAt: AT + offset })
  })
}

for (const api of ['v1', 'v2'] as const) {
  test(
    `${api}: every message is a sample, with nothing that a device has made up`,
    options,
    async (t) => {
      const metrics = await startVictoriaMetrics(t, ['-dedup.minScrapeInterval=1ms'])
      const destination = await openInflux(t, metrics.url, { api })
      await destination.check(never)
      const batch = batchOf('c', messagesOf(100))

      await destination.send(batch, never)
      await destination.send(batch, never)

      const series = await metrics.export()
      const [found] = series.filter(({ metric }) => metric['__name__'] === 'c_n')
      assert.equal(found?.metric['connector'], 'site-1')
      assert.deepEqual(
        found?.values,
        Array.from({ length: 100 }, (_, n) => n),
      )
      assert.ok(series.every(({ metric }) => !metric['__name__']?.startsWith('evil')))
    },
  )
}

test('a server that was killed gets the messages when it is back', options, async (t) => {
  const metrics = await startVictoriaMetrics(t)
  const destination = await openInflux(t, metrics.url)
  await metrics.process.kill()
  const error = await errorOf(destination.send(batchOf('c', messagesOf(10)), never))
  assert.equal(error.code, 'DestinationUnavailable')

  await metrics.process.start()
  await destination.send(batchOf('c', messagesOf(10)), never)

  const series = await metrics.export('c_n')
  assert.equal(series[0]?.values.length, 10)
})
