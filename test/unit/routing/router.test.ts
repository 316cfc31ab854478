import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_PAYLOAD_BYTES, type ReceiptSink, type ReplyTo } from '../../../src/message.ts'
import { Router, type RouterOptions } from '../../../src/routing/router.ts'
import { ChannelSetRig, type RigOptions } from '../../support/channels/channel-set-rig.ts'
import { FakeDisk } from '../../support/disk/fake-log-store.ts'
import { heldHeapBytes } from '../../support/garbage.ts'

const FORMATTED = 'iotanalytics/channels/c/messages/put'
const BINARY = 'iotanalytics/channels/c/messages/binary/put'
const REPLY: ReplyTo = { topic: 'answers/1', correlation: undefined }

class RouterRig implements ReceiptSink {
  readonly channels: ChannelSetRig
  readonly router: Router
  /** Receipts of failures, as `id: code`. */
  readonly failures: string[] = []
  expectedReplies = 0

  static async open(
    options: Partial<RouterOptions> = {},
    rigOptions: RigOptions = {},
  ): Promise<RouterRig> {
    const channels = new ChannelSetRig({
      deadLetters: { maxMessages: 9, maxBytes: 1_000_000 },
      ...rigOptions,
    })
    await channels.set.open()
    return new RouterRig(channels, options)
  }

  private constructor(channels: ChannelSetRig, options: Partial<RouterOptions>) {
    this.channels = channels
    this.router = new Router({
      channels: channels.set,
      receipts: this,
      clock: channels.clock,
      inputs: [],
      defaultChannel: undefined,
      binaryEncoding: 'raw',
      deadLetters: channels.set.deadLetters,
      ...options,
    })
  }

  expectReply(): void {
    this.expectedReplies += 1
  }

  failure(id: string | undefined, _reply: ReplyTo | undefined, { error }: { error: string }): void {
    this.failures.push(`${id}: ${error}`)
  }

  accept(topic: string, payload: string | Buffer, reply?: ReplyTo, mayWithhold = false) {
    const bytes = Buffer.from(payload)
    const route = this.router.route(topic)
    assert.ok(route !== undefined, `no route for ${topic}`)
    return this.router.accept(route, topic, bytes, 0, bytes.length, reply, mayWithhold)
  }

  /** The payloads that a channel has, as text. */
  async payloads(channel: string): Promise<string[]> {
    await this.channels.set.flush()
    const log = this.channels.set.get(channel)?.log
    const messages = (await log?.read(0, 100, 1_000_000)) ?? []
    return messages.map(({ payload }) => payload.toString())
  }

  async deadLetters() {
    await this.channels.set.flush()
    return this.channels.set.deadLetters!.read(0, 100)
  }
}

function codeOf(outcome: ReturnType<RouterRig['accept']>): string | undefined {
  return typeof outcome === 'number' ? undefined : outcome.refusal.error
}

test('predefined topics and configured inputs have a route; the status topic and others have none', async () => {
  const { router } = await RouterRig.open({ inputs: ['plant/#'], defaultChannel: 'raw' })

  const kinds = [
    FORMATTED,
    BINARY,
    'plant/line-1',
    'iotanalytics/messages/put/status',
    'other',
  ].map((topic) => router.route(topic)?.kind)

  assert.deepEqual(kinds, ['formatted', 'binary', 'binary', undefined, undefined])
})

test('a route is kept, also for a topic without one', async () => {
  const { router } = await RouterRig.open()

  const first = router.route(FORMATTED)

  assert.equal(router.route(FORMATTED), first)
  assert.equal(router.route('other'), undefined)
  assert.equal(router.route('other'), undefined)
})

test('a formatted message is the text of its envelope, a binary one all its bytes', async () => {
  const rig = await RouterRig.open()

  const first = rig.accept(FORMATTED, '{"request":{"message":"{\\"t\\":1}"},"id":"a"}')
  const second = rig.accept(BINARY, '{"request":{"message":"m"}}')

  assert.deepEqual([first, second], [1, 1])
  assert.deepEqual(await rig.payloads('c'), ['{"t":1}', '{"request":{"message":"m"}}'])
})

test('messages of configured inputs go to the default channel, encoded as the configuration says', async () => {
  const options = { inputs: ['plant/#'], defaultChannel: 'raw' }
  const raw = await RouterRig.open(options)
  const base64 = await RouterRig.open({ ...options, binaryEncoding: 'base64' })

  raw.accept('plant/line-1', 'hello')
  base64.accept('plant/line-1', 'hello')

  assert.deepEqual(await raw.payloads('raw'), ['hello'])
  assert.deepEqual(await base64.payloads('raw'), ['aGVsbG8='])
})

test('a payload that is not an envelope is refused, counted, kept as a dead letter, and has a receipt', async () => {
  const rig = await RouterRig.open()

  const outcome = rig.accept(FORMATTED, '{"id":"a"}')

  assert.equal(codeOf(outcome), 'InvalidMessage')
  assert.deepEqual(rig.failures, ['a: InvalidMessage'])
  assert.deepEqual(rig.channels.ledger('c').dropped, { InvalidMessage: 1 })
  const [letter] = await rig.deadLetters()
  assert.deepEqual([letter?.channel, letter?.destination], ['c', undefined])
  assert.equal(letter?.payload.toString(), '{"id":"a"}')
})

test('a topic with an invalid channel name has a route that refuses all its messages', async () => {
  const rig = await RouterRig.open()
  const topic = 'iotanalytics/channels/no-such/messages/put'

  const outcome = rig.accept(topic, '{"request":{"message":"m"},"id":"a"}')

  assert.equal(rig.router.route(topic)?.kind, 'refused')
  assert.equal(codeOf(outcome), 'InvalidChannelName')
  assert.deepEqual(rig.failures, ['a: InvalidChannelName'])
  assert.equal(rig.channels.ledger('*').received, 1)
})

test('a message that is too large is refused with the id of its sender, and not kept', async () => {
  const rig = await RouterRig.open()
  const message = 'x'.repeat(MAX_PAYLOAD_BYTES)

  const outcome = rig.accept(FORMATTED, JSON.stringify({ id: 'a', request: { message } }))

  assert.equal(codeOf(outcome), 'MessageTooLarge')
  assert.deepEqual(rig.failures, ['a: MessageTooLarge'])
  assert.deepEqual(await rig.deadLetters(), [])
})

test('a channel’s refusal has a receipt; without an id in the envelope the receipt has none', async () => {
  const rig = await RouterRig.open({}, { bounds: { maxBacklogMessages: 1 } })
  rig.accept(FORMATTED, '{"request":{"message":"m"},"id":"a"}')

  const outcomes = [
    rig.accept(FORMATTED, '{"request":{"message":"m"},"id":"b"}'),
    rig.accept(FORMATTED, '{"request":{"message":"m"}}'),
  ]

  assert.deepEqual(outcomes.map(codeOf), ['QueueFull', 'QueueFull'])
  assert.deepEqual(rig.failures, ['b: QueueFull', 'undefined: QueueFull'])
  assert.deepEqual(rig.channels.ledger('c').dropped, { QueueFull: 2 })
})

test('a message that its sender keeps is withheld without a receipt if it can’t be stored now', async () => {
  const disk = new FakeDisk({ maxBytes: 100 })
  const rig = await RouterRig.open({}, { disk })
  const payload = '{"request":{"message":"m"},"id":"a"}'

  const withheld = rig.accept(FORMATTED, payload, undefined, true)
  const refused = rig.accept(FORMATTED, payload)

  assert.ok(typeof withheld !== 'number' && typeof refused !== 'number')
  assert.deepEqual([withheld.isWithheld, refused.isWithheld], [true, false])
  assert.equal(withheld.refusal.error, 'StorageFull')
  assert.deepEqual(rig.failures, ['a: StorageFull'])
  assert.equal(rig.channels.ledger('c').received, 1)
})

test('an accepted message with a response topic makes its receipt wanted', async () => {
  const rig = await RouterRig.open()

  rig.accept(FORMATTED, '{"request":{"message":"m"}}')
  const without = rig.expectedReplies
  rig.accept(FORMATTED, '{"request":{"message":"m"}}', REPLY)

  assert.deepEqual([without, rig.expectedReplies], [0, 1])
})

test('a dead letter that is refused again is neither kept again nor has another receipt', async () => {
  const rig = await RouterRig.open()

  const refused = rig.router.acceptAgain(FORMATTED, Buffer.from('no envelope'))
  const noChannel = rig.router.acceptAgain('other', Buffer.from('m'))
  const accepted = rig.router.acceptAgain(FORMATTED, Buffer.from('{"request":{"message":"m"}}'))

  assert.ok(typeof refused !== 'number' && typeof noChannel !== 'number')
  assert.deepEqual([refused.error, noChannel.error], ['InvalidMessage', 'InvalidTopic'])
  assert.equal(accepted, 1)
  assert.deepEqual(rig.failures, [])
  assert.deepEqual(await rig.deadLetters(), [])
  assert.deepEqual(await rig.payloads('c'), ['m'])
})

test('a route of another intake is refused as a defect of the caller', async () => {
  const rig = await RouterRig.open()
  const foreign = { kind: 'formatted' } as const

  assert.throws(
    () => rig.router.accept(foreign, FORMATTED, Buffer.from('m'), 0, 1, undefined, false),
    TypeError,
  )
})

test('a topic that is too long is refused with a receipt, and nothing of it is kept', async () => {
  const rig = await RouterRig.open({ inputs: ['long/#'], defaultChannel: 'raw' })
  const before = heldHeapBytes()
  for (let i = 0; i < 2_000; i++) {
    const name = `${i}${'x'.repeat(60_000)}`
    rig.accept(i % 2 === 0 ? `long/${name}` : `iotanalytics/channels/${name}/messages/put`, '{}')
    rig.router.route(name)
  }
  const grown = heldHeapBytes() - before

  assert.ok(grown < 10_000_000, `${grown} bytes`)
  assert.equal(rig.failures.length, 2_000)
  assert.ok(rig.failures.every((failure) => failure.endsWith('InvalidTopic')))
  assert.deepEqual(
    rig.channels.set.ledger().map(({ channel, received }) => [channel, received]),
    [
      ['*', 1_000],
      ['raw', 1_000],
    ],
  )
  assert.deepEqual(await rig.deadLetters(), [])
})

test('a name that no channel can have is not reported and has no row in the ledger', async () => {
  const rig = await RouterRig.open()

  for (const name of ['my-channel', '__mine', 'c'.repeat(129)]) {
    assert.equal(
      codeOf(rig.accept(`iotanalytics/channels/${name}/messages/put`, '{}')),
      'InvalidChannelName',
    )
  }

  assert.deepEqual(
    rig.channels.set.ledger().map(({ channel, dropped }) => [channel, dropped]),
    [['*', { InvalidChannelName: 3 }]],
  )
})

test('a message whose response topic is longer than topics may be is refused', async () => {
  const rig = await RouterRig.open()
  const reply = { topic: `answers/${'é'.repeat(125)}`, correlation: undefined }

  const outcome = rig.accept(BINARY, 'm', reply)

  assert.equal(codeOf(outcome), 'InvalidTopic')
  assert.equal(rig.expectedReplies, 0)
})
