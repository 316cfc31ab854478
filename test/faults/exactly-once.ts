/**
 * QoS 2 over `kill -9`: clients send under load, some answers of the server are lost, the process
 * is killed, and the clients send again what has no answer.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../support/random.ts'
import { Qos2Sender } from './qos2-sender.ts'

/** The channel that has all messages. Nothing may take them away before they are counted. */
export const QOS2_CHANNEL = 'c'
const TOPIC = `iotanalytics/channels/${QOS2_CHANNEL}/messages/binary/put`
const WINDOW = 20
const PAGE = 1_000

export interface KillableServer {
  readonly mqttPort: number
  readonly httpUrl: string
  /** Ends it with SIGKILL. */
  crash(): Promise<void>
}

export interface ExactlyOnceResult {
  readonly sent: readonly string[]
  /** PUBLISH packets that were sent again. */
  readonly resent: number
  /** How often each payload is stored. */
  readonly times: ReadonlyMap<string, number>
}

/** @param start starts a process on the same directory each time */
export async function sendOverKills(
  { kills, seed }: { readonly kills: number; readonly seed: number },
  start: () => Promise<KillableServer>,
): Promise<ExactlyOnceResult> {
  const random = new Random(seed)
  const senders = ([4, 5, 4] as const).map(
    (version, index) =>
      new Qos2Sender({ clientId: `sender_${index}`, version, topic: TOPIC, window: WINDOW }),
  )
  let server = await start()
  for (const sender of senders) await sender.connect(server.mqttPort)
  for (let kill = 0; kill < kills; kill += 1) {
    await Promise.all(senders.map((sender) => sender.completes(10 + random.below(100))))
    // A client that lost its connection, and nothing else.
    senders[0]?.goDeaf()
    await delay(random.below(10))
    senders[0]?.cut()
    await senders[0]?.connect(server.mqttPort)
    await Promise.all(senders.map((sender) => sender.completes(10)))
    for (const sender of senders) if (!random.isOneIn(3)) sender.goDeaf()
    await delay(random.below(20))
    await server.crash()
    for (const sender of senders) sender.cut()
    server = await start()
    for (const sender of senders) await sender.connect(server.mqttPort)
  }
  await Promise.all(senders.map((sender) => sender.finish()))
  return {
    sent: senders.flatMap((sender) => sender.sent),
    resent: senders.reduce((sum, sender) => sum + sender.resent, 0),
    times: await storedTimes(server),
  }
}

/** The messages that are not stored exactly once, and how often they are. */
export function notOnce({ sent, times }: ExactlyOnceResult): (readonly [string, number])[] {
  const known = new Set(sent)
  return [
    ...sent.filter((payload) => times.get(payload) !== 1),
    ...[...times.keys()].filter((payload) => !known.has(payload)),
  ].map((payload) => [payload, times.get(payload) ?? 0])
}

async function storedTimes({ httpUrl }: KillableServer): Promise<Map<string, number>> {
  const times = new Map<string, number>()
  for (let from = '0'; ; ) {
    const url = `${httpUrl}/api/v1/channels/${QOS2_CHANNEL}/messages?from=${from}&limit=${PAGE}`
    const response = await fetch(url)
    const lines = (await response.text()).split('\n').filter((line) => line !== '')
    if (lines.length === 0) return times
    for (const line of lines) {
      const { payload } = JSON.parse(line)
      times.set(payload, (times.get(payload) ?? 0) + 1)
    }
    from = String(response.headers.get('x-next-offset'))
  }
}
