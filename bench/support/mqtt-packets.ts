/** The few MQTT 3.1.1 packets that the load consists of. */

export const PINGREQ = Buffer.from([0xc0, 0])

export function connectPacket(clientId: string, isClean = true): Buffer {
  return packet(0x10, text('MQTT'), Buffer.from([4, isClean ? 2 : 0, 0, 0]), text(clientId))
}

export function subscribePacket(filter: string, qos: number): Buffer {
  return packet(0x82, Buffer.from([0, 1]), text(filter), Buffer.from([qos]))
}

/** `packetId` is written for QoS 1 and 2 only. */
export function publishPacket(
  topic: string,
  payload: Buffer,
  qos: number,
  packetId: number,
): Buffer {
  const id = Buffer.from(qos === 0 ? [] : [packetId >> 8, packetId & 0xff])
  return packet(0x30 | (qos << 1), text(topic), id, payload)
}

function packet(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([first, ...variableLength(body.length)]), body])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** How MQTT writes lengths: seven bits a byte, the lowest first. */
export function variableLength(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest % 128) | (rest >= 128 ? 128 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return bytes
}
