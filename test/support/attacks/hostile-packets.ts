/** Packets that are valid and large, deep or many, built for attacks. */
import { frame, text } from '../mqtt/mqtt-wire.ts'

const LONGEST_SUBSCRIBE = 60_000

type Part = Buffer | number[] | string

/** A variable byte integer. */
export function variable(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return bytes
}

/** Properties of any size, with their length before them. */
export function withLength(properties: Buffer): Buffer {
  return Buffer.concat([Buffer.from(variable(properties.length)), properties])
}

/** User properties without a name and a value: the most of them in the fewest bytes. */
export function userProperties(count: number): Buffer {
  return Buffer.alloc(count * 5, Buffer.from([38, 0, 0, 0, 0]))
}

/** `levels` levels, each as short as it can be; the last one is `number`. */
export function deepTopic(levels: number, number: number): string {
  return [...Array.from({ length: levels - 1 }, () => 'a'), String(number)].join('/')
}

/** The same with `number` as the first level: no two share a level of a tree. */
export function deepFilter(levels: number, number: number | string): string {
  return [String(number), ...Array.from({ length: levels - 1 }, () => 'a')].join('/')
}

/** A CONNECT of MQTT 5 whose properties and will's properties are of any size. */
export function connectFive(
  clientId: string,
  properties: Buffer,
  will?: { readonly topic: string; readonly payload: Buffer; readonly properties: Buffer },
  login?: { readonly userName?: string | undefined; readonly password?: string | undefined },
): Buffer {
  const { userName, password } = login ?? {}
  const flags =
    2 |
    (will === undefined ? 0 : 4) |
    (userName === undefined ? 0 : 0x80) |
    (password === undefined ? 0 : 0x40)
  const parts: Part[] = ['MQTT', [5, flags, 0, 0], withLength(properties), clientId]
  if (will !== undefined) {
    const length = Buffer.from([will.payload.length >> 8, will.payload.length & 0xff])
    parts.push(withLength(will.properties), will.topic, length, will.payload)
  }
  if (userName !== undefined) parts.push(text(userName))
  if (password !== undefined) parts.push(text(password))
  return frame(0x10, ...parts)
}

/** A PUBLISH of MQTT 5 at QoS 0 with properties of any size. */
export function publishFive(topic: string, properties: Buffer, payload: Buffer | string): Buffer {
  return frame(0x30, topic, withLength(properties), Buffer.from(payload))
}

/** SUBSCRIBEs to any number of filters, none longer than a packet may be. */
export function subscribesTo(
  filters: readonly string[],
  { version = 4, qos = 0 }: { readonly version?: 4 | 5; readonly qos?: 0 | 1 | 2 } = {},
): Buffer[] {
  const packets: Buffer[] = []
  for (let at = 0; at < filters.length; ) {
    const from = at
    for (let bytes = 0; at < filters.length && bytes < LONGEST_SUBSCRIBE; at++) {
      bytes += (filters[at]?.length ?? 0) + 3
    }
    const parts: Part[] = filters.slice(from, at).flatMap((filter): Part[] => [filter, [qos]])
    packets.push(frame(0x82, [0, 1], version === 5 ? [0] : [], ...parts))
  }
  return packets
}

/** An UNSUBSCRIBE. */
export function unsubscribeFrom(filters: readonly string[]): Buffer {
  return frame(0xa2, [0, 1], ...filters)
}
