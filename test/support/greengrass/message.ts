/** Messages of the event-stream RPC protocol: frames with a type, flags and a stream. */
import {
  type Frame,
  FrameError,
  type Header,
  HeaderType,
  int32Header,
  stringHeader,
} from './frame.ts'

export const MessageType = {
  applicationMessage: 0,
  applicationError: 1,
  ping: 2,
  pingResponse: 3,
  connect: 4,
  connectAck: 5,
  protocolError: 6,
  internalError: 7,
} as const

export const CONNECTION_ACCEPTED = 1
export const TERMINATE_STREAM = 2

/** The headers that every frame has. */
const COMMON = [':message-type', ':message-flags', ':stream-id'] as const

export interface Message {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  /** The other headers of type string; of a name that is repeated the last one. */
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Buffer
}

/** @throws FrameError when a header that every frame has is missing */
export function messageOf({ headers, payload }: Frame): Message {
  const [type, flags, streamId] = COMMON.map((name) => commonHeader(headers, name))
  const strings = headers.filter((header) => header.type === HeaderType.string)
  return {
    type: type ?? 0,
    flags: flags ?? 0,
    streamId: streamId ?? 0,
    headers: Object.fromEntries(strings.map(({ name, value }) => [name, value.toString()])),
    payload,
  }
}

function commonHeader(headers: readonly Header[], name: string): number {
  const header = headers.findLast((each) => each.name === name)
  if (header?.type !== HeaderType.int32) throw new FrameError(`no header ${name}`)
  return header.value.readInt32BE()
}

/** The C library of the classic nucleus writes the common headers last, lite writes them first. */
export function frameOf(message: Message, commonHeaders: 'first' | 'last'): Frame {
  const { type, flags, streamId, headers, payload } = message
  const common = [type, flags, streamId].map((value, i) => int32Header(COMMON[i] ?? '', value))
  const others = Object.entries(headers).map(([name, value]) => stringHeader(name, value))
  const ordered = commonHeaders === 'first' ? [...common, ...others] : [...others, ...common]
  return { headers: ordered, payload }
}
