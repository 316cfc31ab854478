/** The servers that tests of destinations start: each answers, and can be killed and started again. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { skipWithoutKafka, startKafka } from '../support/servers/kafka.ts'
import { skipWithoutMoto, startMoto } from '../support/servers/moto.ts'
import {
  skipWithoutVictoriaMetrics,
  startVictoriaMetrics,
} from '../support/servers/victoria-metrics.ts'
import { until } from '../support/until.ts'

describe('servers for tests of destinations', () => {
  test('moto answers, and is empty after a restart', { skip: skipWithoutMoto }, async (t) => {
    const moto = await startMoto(t)
    const created = await fetch(`${moto.url}/bucket`, { method: 'PUT' })
    assert.equal(created.status, 200)

    await moto.process.kill()
    await moto.process.start()

    assert.equal((await fetch(`${moto.url}/bucket`)).status, 404)
  })

  test('VictoriaMetrics returns the samples that it took, also after a restart', {
    skip: skipWithoutVictoriaMetrics,
  }, async (t) => {
    const server = await startVictoriaMetrics(t)
    const body = 'press,site=a bar=1.5,count=2i 1764400000000000000\n'
    const written = await fetch(`${server.url}/api/v2/write?precision=ns`, { method: 'POST', body })
    assert.equal(written.status, 204)
    await until('it is readable', async () => (await server.export()).length === 2)

    // It writes to its disk every few seconds only: kill -9 loses samples that it has acknowledged.
    await server.process.stop()
    await server.process.start()

    const [bar] = await server.export('press_bar')
    assert.deepEqual(bar?.metric, { __name__: 'press_bar', site: 'a' })
    assert.deepEqual([bar?.values, bar?.timestamps], [[1.5], [1_764_400_000_000]])
  })

  test('Kafka starts with a topic, and has it after it was killed', {
    skip: skipWithoutKafka,
  }, async (t) => {
    const kafka = await startKafka(t)
    const topics = ['--bootstrap-server', kafka.broker]
    const wanted = ['--create', '--topic', 'press', '--partitions', '3']
    kafka.tool('org.apache.kafka.tools.TopicCommand', [...topics, ...wanted])

    await kafka.process.kill()
    await kafka.process.start()

    const listed = kafka.tool('org.apache.kafka.tools.TopicCommand', [...topics, '--list'])
    assert.match(listed, /^press$/m)
    assert.ok(existsSync(kafka.directory))
  })
})
