/** Names that somebody else chooses: topics, channels, ids. They are kept only if they are short. */
import assert from 'node:assert/strict'
import { attack, number } from '../support/attacks/attack.ts'
import type { Target } from '../support/attacks/target.ts'
import { publishPacket } from '../support/mqtt/mqtt-wire.ts'

const LONGEST = 60_000
const MAX_PAGE_BYTES = 2_000_000

/** Pages that list what the connector knows, none of them large. */
async function assertPagesAreSmall(target: Target): Promise<void> {
  for (const path of [
    '/metrics',
    '/ledger',
    '/api/v1/overview',
    '/api/v1/channels',
    '/api/v1/ledger',
  ]) {
    const { status, text } = await target.get(path)
    assert.equal(status, 200, `${path}: ${text.slice(0, 200)}`)
    assert.ok(text.length < MAX_PAGE_BYTES, `${path} has ${text.length} bytes`)
  }
}

attack('topics of 60 KB leave nothing behind', {
  maxGrownMb: number(90, 120),
  play: async (target) => {
    const long = 'x'.repeat(LONGEST)
    await target.flood(number(2_000, 10_000), (index) =>
      publishPacket({ topic: `${long}${index}`, qos: 1 }),
    )
    await assertPagesAreSmall(target)
    return undefined
  },
})

attack('names of 60 KB that cannot be channels leave nothing behind, on no page', {
  maxGrownMb: number(90, 120),
  isPlainInCi: true,
  play: async (target) => {
    const long = 'x'.repeat(LONGEST)
    await target.flood(number(2_000, 10_000), (index) =>
      publishPacket({ topic: `iotanalytics/channels/${long}${index}/messages/put`, qos: 1 }),
    )
    await assertPagesAreSmall(target)
    return undefined
  },
})

attack('short names that cannot be channels are counted together beyond a bound', {
  maxGrownMb: number(60, 120),
  isPlainInCi: true,
  play: async (target) => {
    await target.flood(number(3_000, 50_000), (index) =>
      publishPacket({ topic: `iotanalytics/channels/no-channel-${index}/messages/put`, qos: 1 }),
    )
    await assertPagesAreSmall(target)
    return undefined
  },
})

attack('refused messages with ids of 100 KB leave little behind', {
  maxGrownMb: 90,
  // What is left behind in memory is measured, not how fast a disk keeps 50 MB of dead letters.
  config: { deadLetters: false },
  play: async (target) => {
    const id = 'x'.repeat(100_000)
    const packetOf = (index: number): Buffer => {
      const payload = JSON.stringify({ request: {}, id: `${index}${id}` })
      return publishPacket({ topic: target.attackersTopic, payload, qos: 1 })
    }
    await target.flood(number(800, 4_000), packetOf, { isPatient: true })
    await assertPagesAreSmall(target)
    return undefined
  },
})
