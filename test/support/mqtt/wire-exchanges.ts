/** Exchanges over the wire that many tests make. */
import type { ServerUnderTest } from './mqtt-server-under-test.ts'
import { type MqttWire, publishPacket, subscribePacket } from './mqtt-wire.ts'

/** Subscribes; returns the packets until the server's next answer to a ping. */
export async function subscribe(
  client: MqttWire,
  filters: Record<string, number>,
  properties?: number[],
): Promise<string[]> {
  client.send(subscribePacket(1, filters, properties))
  return client.untilPong()
}

/** Resolves when the server has read the message. */
export async function publish(
  client: MqttWire,
  fields: Parameters<typeof publishPacket>[0],
): Promise<void> {
  client.send(publishPacket(fields))
  await client.untilPong()
}

/** The PUBLISH packets among these. */
export function publishes(packets: readonly string[]): string[] {
  return packets.filter((hex) => hex.startsWith('3'))
}

/** A subscriber to `w/#`; in MQTT 5 it gets the retain flag as it was published. */
export async function listenToWills({ client }: ServerUnderTest): Promise<MqttWire> {
  const listener = await client({ clientId: 'listener', version: 5 })
  listener.send(subscribePacket(1, { 'w/#': 0x0a }, []))
  await listener.untilPong()
  return listener
}
