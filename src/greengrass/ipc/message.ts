/**
 * Messages of the event-stream RPC protocol: frames with a type, flags and the number of a stream.
 * Stream 0 is the connection itself.
 */
import { encodeFrame, type Frame, type HeaderValue, violation } from './frame.ts'

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

export const Flag = { none: 0, connectionAccepted: 1, terminateStream: 2 } as const

const PROTOCOL_VERSION = '0.1.0'

export interface Message extends Frame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
}

export type Login = { readonly authToken: string } | { readonly componentName: string }

/** @throws {IpcError} if one of the three headers is missing */
export function messageOf(frame: Frame): Message {
  return {
    headers: frame.headers,
    payload: frame.payload,
    type: numberIn(frame, ':message-type'),
    flags: numberIn(frame, ':message-flags'),
    streamId: numberIn(frame, ':stream-id'),
  }
}

function numberIn({ headers }: Frame, name: string): number {
  const value = headers.get(name)
  if (typeof value !== 'number') throw violation(`a frame without the number ${name}`)
  return value
}

export function modelTypeOf({ headers }: Frame): string {
  return String(headers.get('service-model-type') ?? '')
}

export function connectFrame(login: Login): Buffer {
  return encodeFrame(
    [[':version', PROTOCOL_VERSION], ...address(MessageType.connect, Flag.none, 0)],
    Buffer.from(JSON.stringify(login)),
  )
}

export function requestFrame(streamId: number, operation: string, payload: string): Buffer {
  return encodeFrame(
    [
      ...address(MessageType.applicationMessage, Flag.none, streamId),
      ['operation', `aws.greengrass#${operation}`],
    ],
    Buffer.from(payload),
  )
}

export function terminateFrame(streamId: number): Buffer {
  return encodeFrame(address(MessageType.applicationMessage, Flag.terminateStream, streamId))
}

/** Repeats the headers of the ping that are not the protocol's, and its payload. */
export function pingResponseFrame(ping: Frame): Buffer {
  const repeated = [...ping.headers].filter(([name]) => !name.startsWith(':'))
  return encodeFrame(
    [...address(MessageType.pingResponse, Flag.none, 0), ...repeated],
    ping.payload,
  )
}

function address(
  type: number,
  flags: number,
  streamId: number,
): (readonly [string, HeaderValue])[] {
  return [
    [':message-type', type],
    [':message-flags', flags],
    [':stream-id', streamId],
  ]
}
