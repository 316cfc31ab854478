/** The contract of clients of the nucleus's IPC: local publish/subscribe, and AWS IoT Core. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Character } from '../../support/greengrass/character.ts'
import { until } from '../../support/until.ts'
import { answeredWith, COMPONENT, connectAs, inbox, openSite, SENDER } from './ipc-site.ts'
import type { IpcUnderTest } from './ipc-under-test.ts'

const ALL = 'RECEIVE_ALL_MESSAGES'
const bytes = Buffer.from([0, 1, 254, 255])

export function testMessages(under: IpcUnderTest, character: Character): void {
  const isLite = character.name === 'lite'

  describe(`${under.name} exchanges messages on the ${character.name} nucleus`, () => {
    test('JSON and bytes arrive with their topics, in order', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const { upTo } = await inbox(client, { topic: 'plant/+/put' })

      nucleus.publish('plant/a/put', { json: { temp: 23.5, unit: 'C' } })
      nucleus.publish('plant/b/put', { binary: bytes })
      nucleus.publish('plant/b/get', { binary: bytes })
      nucleus.publish('plant/c/put', { json: { text: 'ü', list: [1, null] } })

      assert.deepEqual(await upTo(3), [
        { topic: 'plant/a/put', content: { json: { temp: 23.5, unit: 'C' } } },
        { topic: 'plant/b/put', content: { binary: bytes } },
        { topic: 'plant/c/put', content: { json: { text: 'ü', list: [1, null] } } },
      ])
    })

    test('a component receives what another publishes', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const sender = await connectAs(t, under, nucleus, SENDER)
      const { upTo } = await inbox(client, { topic: 'plant/#' })

      await sender.topics.publish('plant/a', { json: { temp: 1 } })
      await sender.topics.publish('plant/b', { binary: bytes })

      assert.deepEqual(await upTo(2), [
        { topic: 'plant/a', content: { json: { temp: 1 } } },
        { topic: 'plant/b', content: { binary: bytes } },
      ])
      assert.deepEqual(nucleus.publicationsOf(SENDER), await upTo(2))
    })

    test('a thousand messages keep their order', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const { upTo } = await inbox(client, { topic: 'plant/#' })
      const numbers = Array.from({ length: 1_000 }, (_, i) => i)

      for (const n of numbers) nucleus.publish('plant/a', { json: { n } })

      const got = (await upTo(numbers.length)).map(({ content }) => content)
      assert.deepEqual(
        got,
        numbers.map((n) => ({ json: { n } })),
      )
    })

    test('filters that overlap bring one copy each', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const wide = await inbox(client, { topic: 'plant/#' })
      const narrow = await inbox(client, { topic: 'plant/+/put' })

      nucleus.publish('plant/a/put', { binary: bytes })

      assert.equal((await wide.upTo(1)).length, 1)
      assert.equal((await narrow.upTo(1)).length, 1)
    })

    test('a component that asks for all messages receives its own', async (t) => {
      const { client } = await openSite(t, under, character)
      const { upTo } = await inbox(client, { topic: 'plant/#', receiveMode: ALL })

      await client.topics.publish('plant/a', { binary: bytes })

      assert.equal((await upTo(1)).length, 1)
    })

    const mode = isLite ? 'receives its own all the same' : 'does not receive its own'
    test(`a component that asks for messages from others ${mode}`, async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const receiveMode = 'RECEIVE_MESSAGES_FROM_OTHERS'
      const { upTo } = await inbox(client, { topic: 'exact', receiveMode })

      await client.topics.publish('exact', { json: { from: 'us' } })
      nucleus.publish('exact', { json: { from: 'others' } })

      const senders = (await upTo(isLite ? 2 : 1)).map(({ content }) => content)
      const others = { json: { from: 'others' } }
      assert.deepEqual(senders, isLite ? [{ json: { from: 'us' } }, others] : [others])
    })

    const own = isLite ? 'arrive' : 'are withheld'
    test(`own messages ${own} on a filter with wildcards without a receive mode`, async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const exact = await inbox(client, { topic: 'exact' })
      const { upTo } = await inbox(client, { topic: 'plant/#' })

      await client.topics.publish('plant/own', { binary: bytes })
      await client.topics.publish('exact', { binary: bytes })
      nucleus.publish('plant/other', { binary: bytes })

      await exact.upTo(1)
      const topics = (await upTo(isLite ? 2 : 1)).map(({ topic }) => topic)
      assert.deepEqual(topics, isLite ? ['plant/own', 'plant/other'] : ['plant/other'])
    })

    test('an ended subscription receives nothing more, and others go on', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const ended = await inbox(client, { topic: 'plant/#' })
      const { upTo } = await inbox(client, { topic: 'plant/+/put' })

      await ended.close()
      await until('one was left', () => nucleus.filtersOf(COMPONENT).length === 1)
      nucleus.publish('plant/a/put', { binary: bytes })

      await upTo(1)
      assert.deepEqual(nucleus.filtersOf(COMPONENT), ['plant/+/put'])
      assert.deepEqual(ended.messages, [])
    })

    test('a filter or a topic without a policy is unauthorized', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const isUnauthorized = answeredWith(under, 'UnauthorizedError')

      await assert.rejects(inbox(client, { topic: 'plant/a/get' }), isUnauthorized)
      await assert.rejects(inbox(client, { topic: 'plant/*' }), isUnauthorized)
      await assert.rejects(client.topics.publish('other', { binary: bytes }), isUnauthorized)
      await assert.rejects(client.cloud.publish('plant/a', bytes), isUnauthorized)

      assert.deepEqual(nucleus.requests(), [])
    })

    test('a policy that a deployment adds holds at once', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const keyPath = ['accessControl', 'aws.greengrass.ipc.pubsub', 'policy:3']

      nucleus.configure(COMPONENT, keyPath, { operations: ['*'], resources: ['other'] })

      await client.topics.publish('other', { binary: bytes })
    })

    const early = under.takesEarlyEvents ? 'is received' : 'loses the subscription'
    test(`an event that comes before the answer to its subscription ${early}`, async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      nucleus.beforeAnswer('SubscribeToTopic', () => {
        nucleus.publish('plant/early', { binary: bytes })
      })

      const subscribed = inbox(client, { topic: 'plant/#' })

      if (!under.takesEarlyEvents) {
        await assert.rejects(subscribed)
        return
      }
      const { upTo } = await subscribed
      nucleus.publish('plant/late', { binary: bytes })
      const topics = (await upTo(2)).map(({ topic }) => topic)
      assert.deepEqual(topics, ['plant/early', 'plant/late'])
    })

    test('subscriptions that the nucleus drops silently bring nothing; a new one does', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const dead = await inbox(client, { topic: 'plant/#' })

      nucleus.dropSubscriptions()
      nucleus.publish('plant/unheard', { binary: bytes })
      const { upTo } = await inbox(client, { topic: 'plant/#' })
      nucleus.publish('plant/heard', { binary: bytes })

      assert.deepEqual(await upTo(1), [{ topic: 'plant/heard', content: { binary: bytes } }])
      assert.deepEqual(dead.messages, [])
    })

    test('messages go to AWS IoT Core and come from there', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const got: [string, string][] = []
      await client.cloud.subscribe('cloud/#', (topic, payload) => {
        got.push([topic, payload.toString('hex')])
      })

      nucleus.publishFromCloud('cloud/down', bytes)
      await client.cloud.publish('cloud/up', Buffer.from('up'))

      await until('both had come', () => got.length === 2)
      assert.deepEqual(got, [
        ['cloud/down', '0001feff'],
        ['cloud/up', '7570'],
      ])
    })
  })
}
