/**
 * The program is killed at random moments under load while its endpoint fails at random. Afterwards
 * every message it acknowledged must be accounted for.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { LedgerRow } from '../faults/connector-watch.ts'
import {
  acceptedThenReset,
  exception,
  type FakeAnswer,
  type FakeMessage,
  plain,
  refusing,
  reset,
  silence,
} from '../support/destinations/fake-answers.ts'
import { FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { NumberingSender, numberedPayload } from '../support/destinations/numbering-sender.ts'
import { runCommand } from '../support/processes/command-line.ts'
import { ConnectorProcess, sendingTo } from '../support/processes/connector-process.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const LIVES = 8
/**
 * These tests are about random moments, so they use real time. Positions are written about a second
 * after a delivery, so each life that gets as far as its start records the deliveries at its
 * beginning.
 */
const SHORTEST_LIFE_MS = 2_000
const LONGEST_LIFE_MS = 4_000
const LONGEST_START_MS = 1_000
/**
 * Messages delivered in one life may come again in the next, or later if that one is killed while
 * it starts or the machine is too busy to write positions; but only within this number of lives.
 */
const LIVES_TO_SETTLE = 4
/** Small files, so that they are sealed and removed during the test. */
const SMALL_FILES = ['--set', 'storage.segmentBytes=65536', '--set', 'storage.historyBytes=0']

const FAILURES: readonly FakeAnswer[] = [
  plain(503, 'unavailable'),
  exception('ThrottlingException'),
  reset(),
  acceptedThenReset(),
]
/** The one channel whose batches are also accepted in part, which changes the order. */
const OUT_OF_ORDER = 'delta'
const PUTTING_OFF = refusing(({ messageId }) =>
  Number(messageId) % 3 === 0 ? { messageId, errorCode: 'InternalFailureException' } : undefined,
)
const WELL = refusing(() => undefined)

interface Delivery {
  readonly life: number
  readonly message: FakeMessage
}

/**
 * Records what the endpoint accepted, by channel and life. A third of its calls fail until `heal`.
 */
class FailingEndpoint {
  readonly deliveries = new Map<string, Delivery[]>()
  life = 0
  readonly #random: () => number
  #isHealed = false

  constructor(api: FakeIotAnalytics, random: () => number) {
    this.#random = random
    api.answerWhile(
      () => true,
      (call, response) => {
        const accept: typeof call.accept = (wanted = () => true) => {
          this.#note(call.channel, call.messages.filter(wanted))
        }
        this.#answerFor(call.channel)({ ...call, accept }, response)
      },
    )
  }

  heal(): void {
    this.#isHealed = true
  }

  #answerFor(channel: string): FakeAnswer {
    if (this.#isHealed || this.#random() > 0.33) return WELL
    if (channel === OUT_OF_ORDER && this.#random() < 0.5) return PUTTING_OFF
    return FAILURES[Math.floor(this.#random() * FAILURES.length)] ?? WELL
  }

  #note(channel: string, messages: readonly FakeMessage[]): void {
    const kept = this.deliveries.get(channel) ?? []
    this.deliveries.set(channel, kept)
    for (const message of messages) kept.push({ life: this.life, message })
  }
}

function senders(): NumberingSender[] {
  return [
    new NumberingSender('alpha', 1),
    new NumberingSender('beta', 1, { protocolVersion: 5 }),
    new NumberingSender('gamma', 2),
    new NumberingSender('delta', 2, { protocolVersion: 5 }),
  ]
}

/** The same sequence for the same seed; the seed is printed. */
function seededRandom(t: TestContext): () => number {
  let state = Date.now() % 2 ** 31
  t.diagnostic(`seed ${state}`)
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

test('with kill -9 at random moments and an endpoint that fails at random, every acknowledged message arrives, once and in order', async (t) => {
  const random = seededRandom(t)
  const api = await FakeIotAnalytics.start(t)
  const endpoint = new FailingEndpoint(api, random)
  const directory = await temporaryDirectory(t)
  const devices = senders()
  const args = [
    ...['--data', directory, ...SMALL_FILES, ...sendingTo(api, 'us-west-2')],
    ...['--set', 'parameters.PublishInterval=0'],
    ...['--set', 'parameters.IotAnalyticsBatchSizePerChannel=50'],
  ]

  for (let life = 0; life < LIVES; life++) {
    endpoint.life = life
    const connector = new ConnectorProcess(t, args)
    const sending: Promise<void>[] = []
    if (life % 4 === 3) {
      await delay(random() * LONGEST_START_MS) // dies while it starts
    } else {
      await connector.started()
      sending.push(...devices.map((device) => device.sendUntilCut(connector.mqttUrl)))
      await delay(SHORTEST_LIFE_MS + random() * (LONGEST_LIFE_MS - SHORTEST_LIFE_MS))
    }
    await connector.crash()
    await Promise.all(sending)
  }
  endpoint.heal()
  endpoint.life = LIVES
  const last = await new ConnectorProcess(t, args).started()
  const ledger = await drainedLedger(last)
  last.signal('SIGTERM')
  assert.equal((await last.ends()).code, 0)

  assert.deepEqual(api.violations, [])
  for (const device of devices) {
    const { channel, acknowledged } = device
    const deliveries = endpoint.deliveries.get(channel) ?? []
    const firsts = firstDeliveries(deliveries, channel !== OUT_OF_ORDER)
    const arrived = new Set(firsts)
    const lost = acknowledged.filter((number) => !arrived.has(number))
    assert.deepEqual(lost, [], `lost on ${channel}`)
    for (const { message } of deliveries) {
      assert.equal(message.payload.toString(), numberedPayload(channel, Number(message.messageId)))
    }
    const row = ledger.channels.find((each) => each.channel === channel)
    assert.deepEqual(row?.dropped, {})
    assert.equal(row?.received, arrived.size, `received on ${channel}`)
    assert.equal(row?.delivered, arrived.size, `delivered on ${channel}`)
    t.diagnostic(
      `${channel}: acknowledged ${acknowledged.length}, sent ${deliveries.length}, different ${arrived.size}`,
    )
  }
})

/**
 * The numbers that arrived, checked for what a crash may do: a message comes again only if it had
 * been delivered too shortly before to be recorded, and the order stays.
 */
function firstDeliveries(deliveries: readonly Delivery[], inOrder: boolean): number[] {
  const lifeOf = new Map<number, number>()
  const firsts: number[] = []
  for (const { life, message } of deliveries) {
    const number = Number(message.messageId)
    const before = lifeOf.get(number)
    if (before === undefined) {
      assert.ok(!inOrder || number > (firsts.at(-1) ?? -1), `${number} after ${firsts.at(-1)}`)
      firsts.push(number)
      lifeOf.set(number, life)
    } else {
      assert.ok(life - before < LIVES_TO_SETTLE, `${number} of life ${before} again in ${life}`)
    }
  }
  return firsts
}

interface LedgerAnswer {
  readonly totals: Omit<LedgerRow, 'channel'>
  readonly channels: readonly LedgerRow[]
}

async function ledgerOf(connector: ConnectorProcess): Promise<LedgerAnswer> {
  const answer = await fetch(`${connector.httpUrl}/ledger`)
  const ledger: LedgerAnswer = JSON.parse(await answer.text())
  for (const row of ledger.channels) {
    const dropped = Object.values(row.dropped).reduce((sum, count) => sum + count, 0)
    const accounted =
      row.delivered + row.rejected + dropped + row.expired + row.waiting + row.inFlight
    assert.equal(accounted, row.received, `ledger of ${row.channel}`)
  }
  return ledger
}

/** Polls until nothing waits any more; each answer has to add up. */
async function drainedLedger(connector: ConnectorProcess): Promise<LedgerAnswer> {
  await until('nothing waits', async () => {
    const { totals } = await ledgerOf(connector)
    return totals.waiting + totals.inFlight === 0
  })
  return ledgerOf(connector)
}

test('without a destination, every message acknowledged before kill -9 can be read afterwards', async (t) => {
  const random = seededRandom(t)
  const directory = await temporaryDirectory(t)
  const devices = senders()
  const args = ['--data', directory, '--set', 'storage.segmentBytes=65536']

  for (let life = 0; life < 4; life++) {
    const connector = await new ConnectorProcess(t, args).started()
    const sending = devices.map((device) => device.sendUntilCut(connector.mqttUrl))
    await delay(random() * 1_000)
    await connector.crash()
    await Promise.all(sending)
  }
  const last = await new ConnectorProcess(t, args).started()
  const ledger = await ledgerOf(last)

  for (const { channel, acknowledged } of devices) {
    const stored = await allStored(t, last, channel)
    const numbers = new Set(stored.map(({ messageId }) => Number(messageId)))
    const lost = acknowledged.filter((number) => !numbers.has(number))
    assert.deepEqual(lost, [], `lost on ${channel}`)
    for (const { messageId, payload } of stored) {
      assert.equal(payload, numberedPayload(channel, Number(messageId)))
    }
    const row = ledger.channels.find((each) => each.channel === channel)
    assert.equal(row?.received, stored.length)
    assert.equal(row?.delivered, stored.length)
    t.diagnostic(`${channel}: acknowledged ${acknowledged.length}, stored ${stored.length}`)
  }
})

/** Everything a channel holds, by `tail`. */
async function allStored(t: TestContext, connector: ConnectorProcess, channel: string) {
  const args = ['tail', channel, '--from', 'earliest', '--json', '--url', connector.httpUrl]
  const { stdout, stderr, code } = await runCommand(t, args)
  assert.deepEqual({ stderr, code }, { stderr: '', code: 0 })
  const lines = stdout.trim().split('\n')
  return lines.map((line): { messageId: string; payload: string } => JSON.parse(line))
}

test('after SIGTERM under load, the messages reported, delivered and left on disk add up', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  const directory = await temporaryDirectory(t)
  const args = ['--data', directory, ...sendingTo(api, 'us-west-2')]
  const devices = senders()
  const connector = await new ConnectorProcess(t, args).started()
  const sending = devices.map((device) => device.sendUntilCut(connector.mqttUrl))
  await api.until(() => api.messageCount > 500)

  connector.signal('SIGTERM')
  const { code, stdout, stderr } = await connector.ends()
  await Promise.all(sending)

  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  const report = /While stopping: delivered (\d+), kept (\d+) for the next start\.\n$/.exec(stdout)
  const deliveredBefore = api.messageCount
  const next = await new ConnectorProcess(t, args).started()
  const ledger = await drainedLedger(next)
  assert.equal(api.messageCount - deliveredBefore, Number(report?.[2]), 'kept')
  assert.equal(ledger.totals.received, api.messageCount)
  for (const { channel, acknowledged } of devices) {
    const arrived = new Set(api.received(channel).map(({ messageId }) => Number(messageId)))
    assert.equal(arrived.size, api.received(channel).length, 'nothing twice')
    assert.deepEqual(
      acknowledged.filter((number) => !arrived.has(number)),
      [],
    )
  }
})

test('a second signal ends the program at once while its endpoint hangs, and no message is lost', async (t) => {
  const api = await FakeIotAnalytics.start(t)
  api.answerWhile(() => true, silence())
  const directory = await temporaryDirectory(t)
  const args = ['--data', directory, '--deadline', '600', ...sendingTo(api, 'us-west-2')]
  const connector = await new ConnectorProcess(t, args).started()
  const published = await runCommand(t, ['publish', 'my_channel', 'm', '--url', connector.mqttUrl])
  await api.until(() => api.requests.length === 1)

  connector.signal('SIGINT')
  await connector.command.says(/Send the signal again to end at once/)
  connector.signal('SIGTERM')
  const { code } = await connector.ends()

  assert.equal(published.code, 0)
  assert.equal(code, 1)
  api.recover()
  const next = await new ConnectorProcess(t, args).started()
  assert.equal((await drainedLedger(next)).totals.delivered, 1)
})

test('a second process on the same directory is refused in a sentence, and the first goes on', async (t) => {
  const directory = await temporaryDirectory(t)
  const first = await new ConnectorProcess(t, ['--data', directory]).started()

  const second = await new ConnectorProcess(t, ['--data', directory]).ends()

  assert.equal(second.code, 1)
  assert.equal(second.stdout, '')
  assert.match(second.stderr, /^error: .*\n$/)
  assert.ok(second.stderr.includes(directory))
  assert.equal((await fetch(`${first.httpUrl}/health`)).status, 200)
})
