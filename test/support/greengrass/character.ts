/**
 * The differences between the two nuclei on the wire: *classic* (Java, with AWS's C library) and
 * *lite* (C, for small devices).
 */
import { HeaderType } from './frame.ts'
import { IpcError } from './ipc-error.ts'
import {
  assertInt64,
  countMembers,
  depthOf,
  gsonText,
  isObject,
  withSortedKeys,
  withStrings,
} from './json-text.ts'

export interface Character {
  readonly name: 'classic' | 'lite'
  /** The component whose configuration is the nucleus's own. */
  readonly nucleusComponent: string

  readonly maxRequestBytes: number
  readonly maxEventBytes: number
  readonly maxClients: number
  readonly maxSubscriptions: number
  readonly maxTopicBytes: number
  /** The policies of one service, in bytes; beyond, all of its operations are unauthorized. */
  readonly maxPolicyBytes: number

  readonly headerTypes: readonly number[]
  readonly commonHeaders: 'first' | 'last'
  /** A refused login is answered, not only disconnected. */
  readonly answersRefusals: boolean
  /** Takes a component's name in place of a token, and answers with a token. */
  readonly takesNames: boolean
  /** A new stream has the number after the last one's, in order of arrival. */
  readonly numbersStreams: boolean
  /** Answers pings, and explains protocol errors; otherwise it closes the connection. */
  readonly servesStreamZero: boolean
  /** Has errors outside its model: for unknown operations, and for requests that are no JSON. */
  readonly hasUnmodelledErrors: boolean
  /** Answers that end their stream have the flag for that. */
  readonly flagsLastAnswers: boolean
  readonly honoursReceiveMode: boolean
  readonly validatesConfiguration: boolean
  readonly eventsPerConfigurationChange: number

  errorPayload(code: string, message: string): Readonly<Record<string, string>>
  textOf(payload: unknown): string
  /** A configuration value, as the nucleus keeps it. */
  kept(value: unknown): unknown
  /**
   * A `jsonMessage`, as subscribers get it.
   * @throws IpcError when the nucleus refuses it
   */
  carried(message: unknown): unknown
  /** A `jsonMessage` that is accepted may still not be deliverable. */
  canDeliver(message: unknown): boolean
}

export const CLASSIC: Character = {
  name: 'classic',
  nucleusComponent: 'aws.greengrass.Nucleus',
  maxRequestBytes: 24 * 1024 * 1024,
  maxEventBytes: 24 * 1024 * 1024,
  maxClients: Number.POSITIVE_INFINITY,
  maxSubscriptions: Number.POSITIVE_INFINITY,
  maxTopicBytes: Number.POSITIVE_INFINITY,
  maxPolicyBytes: Number.POSITIVE_INFINITY,
  headerTypes: Object.values(HeaderType),
  commonHeaders: 'last',
  answersRefusals: true,
  takesNames: false,
  numbersStreams: true,
  servesStreamZero: true,
  hasUnmodelledErrors: true,
  flagsLastAnswers: true,
  honoursReceiveMode: true,
  validatesConfiguration: true,
  eventsPerConfigurationChange: 1,
  errorPayload: (code, message) => ({
    message,
    _service: 'GreengrassCoreIPC',
    _message: message,
    _errorCode: code,
  }),
  textOf: gsonText,
  kept: (value) => value,
  carried(message) {
    if (!isObject(message)) throw new SyntaxError('Gson expects an object')
    return message
  },
  canDeliver: () => true,
}

/** Of a request 12 bytes, the prelude, are not in the buffer that has this size. */
const LITE_BUFFER_BYTES = 10_000
const LITE_MAX_MEMBERS = 22
const LITE_MAX_DEPTH = 15

export const LITE: Character = {
  name: 'lite',
  nucleusComponent: 'aws.greengrass.NucleusLite',
  maxRequestBytes: LITE_BUFFER_BYTES + 12,
  maxEventBytes: LITE_BUFFER_BYTES,
  maxClients: 50,
  maxSubscriptions: 100,
  maxTopicBytes: 256,
  maxPolicyBytes: 4_096,
  headerTypes: [HeaderType.int32, HeaderType.string],
  commonHeaders: 'first',
  answersRefusals: false,
  takesNames: true,
  numbersStreams: false,
  servesStreamZero: false,
  hasUnmodelledErrors: false,
  flagsLastAnswers: false,
  honoursReceiveMode: false,
  validatesConfiguration: false,
  eventsPerConfigurationChange: 2,
  errorPayload: (code, message) => ({ _message: message, _errorCode: code }),
  textOf: (payload) => JSON.stringify(payload),
  kept: withStrings,
  carried(message) {
    if (depthOf(message) > LITE_MAX_DEPTH) throw new IpcError('ServiceError')
    assertInt64(message)
    return withSortedKeys(message)
  },
  canDeliver: (message) => countMembers(message) <= LITE_MAX_MEMBERS,
}

export const CHARACTERS: readonly Character[] = [CLASSIC, LITE]
