/** The contract of clients of the nucleus's IPC: what a nucleus does not carry. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CLASSIC, LITE } from '../../support/greengrass/character.ts'
import { answeredWith, COMPONENT, connectAs, inbox, openSite, SENDER } from './ipc-site.ts'
import type { IpcUnderTest } from './ipc-under-test.ts'

/** Of 52 bytes, as in the measurements of lite. */
const TOPIC = `plant/${'a'.repeat(46)}`

export function testSizes(under: IpcUnderTest): void {
  describe(`${under.name} meets the limits of the classic nucleus`, () => {
    test('a message of 128 KiB arrives', async (t) => {
      const { client } = await openSite(t, under, CLASSIC)
      const { upTo } = await inbox(client, {
        topic: 'plant/#',
        receiveMode: 'RECEIVE_ALL_MESSAGES',
      })
      const binary = Buffer.alloc(128 * 1024, 7)

      await client.topics.publish(TOPIC, { binary })

      assert.deepEqual(await upTo(1), [{ topic: TOPIC, content: { binary } }])
    })

    test('JSON that is no object is refused, and the connection stays', async (t) => {
      const { client } = await openSite(t, under, CLASSIC)

      await assert.rejects(client.topics.publish('plant/a', { json: [1, 2] }))

      await client.updateState('RUNNING')
    })
  })

  describe(`${under.name} meets the limits of the lite nucleus`, () => {
    test('a message of 7,293 bytes arrives', async (t) => {
      const { client } = await openSite(t, under, LITE)
      const { upTo } = await inbox(client, { topic: 'plant/#' })
      const binary = Buffer.alloc(7_293)

      await client.topics.publish(TOPIC, { binary })

      assert.deepEqual(await upTo(1), [{ topic: TOPIC, content: { binary } }])
    })

    test('a message of 7,338 bytes is accepted, lost, and silently ends subscriptions', async (t) => {
      const { nucleus, client } = await openSite(t, under, LITE)
      const { messages } = await inbox(client, { topic: 'plant/#' })

      await client.topics.publish(TOPIC, { binary: Buffer.alloc(7_338) })

      assert.deepEqual(nucleus.filtersOf(COMPONENT), [])
      assert.deepEqual(messages, [])
    })

    test('a message of 7,339 bytes ends the connection of its sender alone', async (t) => {
      const { nucleus, client } = await openSite(t, under, LITE)
      const sender = await connectAs(t, under, nucleus, SENDER)
      const { upTo } = await inbox(client, { topic: 'plant/#' })

      sender.topics.publish(TOPIC, { binary: Buffer.alloc(7_339) }).catch(() => {})
      await sender.disconnected
      nucleus.publish('plant/a', { binary: Buffer.from('next') })

      assert.equal((await upTo(1)).length, 1)
    })

    test('JSON with more than 22 members is accepted, lost, and ends subscriptions', async (t) => {
      const { nucleus, client } = await openSite(t, under, LITE)
      const { upTo } = await inbox(client, { topic: 'plant/#' })
      const members = Array.from({ length: 23 }, (_, i) => [`key${i}`, i])

      await client.topics.publish('plant/a', { json: Object.fromEntries(members.slice(1)) })
      await upTo(1)
      await client.topics.publish('plant/a', { json: Object.fromEntries(members) })

      assert.deepEqual(nucleus.filtersOf(COMPONENT), [])
    })

    test('an integer that 64 bits cannot hold is refused', async (t) => {
      const { client } = await openSite(t, under, LITE)

      const published = client.topics.publish('plant/a', { json: { n: 1e20 } })

      await assert.rejects(published, answeredWith(under, 'ServiceError'))
    })

    test('the 101st subscription is refused', async (t) => {
      const { client } = await openSite(t, under, LITE)
      for (let i = 0; i < 100; i++) await inbox(client, { topic: 'exact' })

      const oneMore = inbox(client, { topic: 'exact' })

      await assert.rejects(oneMore, answeredWith(under, 'ServiceError'))
    })
  })
}
