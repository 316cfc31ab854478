/**
 * An MQTT subscriber is offline while the journal fails, and the process is killed: no message for
 * it may be acknowledged from the first failure on, health has to say why, and everything
 * acknowledged until then waits for the subscriber.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import type { Campaign, CampaignOptions } from '../campaign.ts'
import type { Figures } from '../figures.ts'
import { Rig } from '../rig.ts'
import { healthIs } from './disk-refuses.ts'

const TOPIC = 'line/alarms'
const MESSAGES = 20
const PATIENCE_MS = 15_000
/** How long a message of the failing commit may stay without an answer. */
const OFFERED_MS = 2_000
/** The same, once nothing can be stored. */
const REFUSED_MS = 500

export const sessionsCampaign: Campaign = {
  name: 'sessions',
  sabotage: 'the subscriber gives its session up',
  run,
}

async function run(options: CampaignOptions): Promise<Figures> {
  const rig = await Rig.open({ ...options, pauseMs: 20 })
  rig.oracle.mayRepeatAll = true
  const subscriber = new Subscriber()
  try {
    await rig.start()
    await subscriber.subscribe(rig.watch.addresses.mqtt)
    for (let turn = 0; turn < 1 || rig.hasTime; turn++) {
      const expected = new Set<string>()
      await failOnce(rig, expected, turn)
      await rig.kill()
      rig.count('kill -9 while the journal fails')
      await rig.start()
      const { mqtt } = rig.watch.addresses
      const missing = await subscriber.receive(mqtt, expected, options.isSabotaged !== true)
      if (missing.length > 0) {
        rig.oracle.violated(`the subscriber did not get ${missing.length}: ${missing.slice(0, 5)}`)
      }
      rig.publish()
      await rig.firstAcknowledgement()
      await rig.quiet()
    }
    rig.checkNothingLost(await rig.drain())
  } finally {
    await rig.close()
  }
  return rig.figures
}

/** Adds what was acknowledged to `expected`. */
async function failOnce(rig: Rig, expected: Set<string>, turn: number): Promise<void> {
  const { mqtt } = rig.watch.addresses
  const protocolVersion = turn % 2 === 0 ? 5 : 4
  for (let number = 0; number < MESSAGES; number++) {
    const text = `turn ${turn} ${number}`
    if (await isAcknowledged(mqtt, protocolVersion, text, PATIENCE_MS)) expected.add(text)
    else rig.oracle.violated(`${text} was not acknowledged`)
  }
  rig.connector.order({ disk: { failing: ['write', 'sync'], within: '/journal/' } })
  rig.count('journal fails, with a subscriber offline')
  for (let number = 0; ; number++) {
    const text = `turn ${turn} while it fails ${number}`
    if (!(await isAcknowledged(mqtt, protocolVersion, text, OFFERED_MS))) break
    expected.add(text)
    if (number > MESSAGES) {
      rig.oracle.violated('all messages were acknowledged although the journal fails')
      break
    }
  }
  await healthIs(rig, false, 'the journal fails')
  for (const version of [4, 5] as const) {
    const text = `turn ${turn} after it failed ${version}`
    if (await isAcknowledged(mqtt, version, text, REFUSED_MS)) {
      rig.oracle.violated(`${text} was acknowledged and could not be stored`)
    }
  }
}

/** Sends with QoS 1. */
async function isAcknowledged(
  url: string,
  protocolVersion: 4 | 5,
  text: string,
  patienceMs: number,
): Promise<boolean> {
  const client = await connectAsync(url, { protocolVersion, reconnectPeriod: 0 }, false)
  client.on('error', () => {})
  const cut = new Promise<false>((resolve) => client.once('close', () => resolve(false)))
  const answered = client.publishAsync(TOPIC, text, { qos: 1 }).then(
    () => true,
    () => false,
  )
  const isTaken = await Promise.race([answered, cut, delay(patienceMs, false)])
  client.end(true)
  return isTaken
}

class Subscriber {
  readonly #received = new Set<string>()

  async subscribe(url: string): Promise<void> {
    const client = await connectAsync(url, optionsOf(true))
    await client.subscribeAsync(TOPIC, { qos: 1 })
    await client.endAsync()
  }

  /** Comes back until all of them have come; returns those that have not. */
  async receive(
    url: string,
    expected: ReadonlySet<string>,
    hasSession: boolean,
  ): Promise<readonly string[]> {
    const missing = () => [...expected].filter((text) => !this.#received.has(text))
    const client: MqttClient = connect(url, optionsOf(hasSession))
    client.on('error', () => {})
    client.on('message', (_topic, payload) => void this.#received.add(payload.toString()))
    const patienceMs = hasSession ? PATIENCE_MS : 1_000
    const givesUpAt = performance.now() + patienceMs
    while (missing().length > 0 && performance.now() < givesUpAt) await delay(20)
    await client.endAsync()
    return missing()
  }
}

function optionsOf(hasSession: boolean): IClientOptions {
  return { clientId: 'offline', clean: !hasSession, protocolVersion: 4, reconnectPeriod: 0 }
}
