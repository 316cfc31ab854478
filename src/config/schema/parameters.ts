/**
 * The documented parameters of the AWS connector, with their own names, and further settings of the
 * same kind.
 *
 * The patterns in the specification have errors (the one for the default channel's name allows only
 * a single character), so this file checks what they mean. As in the specification, every value may
 * be a string, and an empty string counts as no value.
 */
import * as z from 'zod'
import { CHANNEL_NAME_RULE, isChannelName } from '../../channel-name.ts'

/** BatchPutMessage: 100 messages per batch. Specification, Limits. */
const MAX_BATCH_MESSAGES = 100
/** Node's timers hold 2^31 - 1 milliseconds. */
const MAX_INTERVAL_SECONDS = 2_147_483
const MAX_COUNT = 2_147_483_647
/** Specification, IotAnalyticsQueueSizePerChannel. On disk, bytes are the bound instead. */
const MEMORY_QUEUE_SIZE = 2048

const REGION = /^[a-z]{2}(-[a-z]+)+-[0-9]$/

/** Whether `text` has the form of an AWS Region's name. */
export function isRegion(text: string): boolean {
  return REGION.test(text)
}

interface NumberRule<Fallback extends number | undefined> {
  readonly min: number
  readonly max: number
  readonly fallback: Fallback
  readonly description: string
  /** The reason for the bounds, for the error. */
  readonly because?: string
}

function wholeNumber<Fallback extends number | undefined>(rule: NumberRule<Fallback>) {
  const because = rule.because === undefined ? '' : ` (${rule.because})`
  const expected = `expected a whole number from ${rule.min} to ${rule.max}${because}`
  return z
    .union([z.string().regex(/^[0-9]*$/), z.int().min(rule.min).max(rule.max)], {
      error: () => expected,
    })
    .optional()
    .transform((given, context): number | Fallback => {
      if (given === undefined || given === '') return rule.fallback
      const number = Number(given)
      if (number >= rule.min && number <= rule.max) return number
      context.addIssue({ code: 'custom', message: expected, params: { showsValue: true } })
      return z.NEVER
    })
    .meta({
      description: rule.description,
      ...(rule.fallback === undefined ? {} : { default: rule.fallback }),
    })
}

function choice<const Name extends string>(names: readonly [Name, ...Name[]], description: string) {
  const [fallback] = names
  return z
    .literal(['', ...names], { error: () => `expected ${names.join(' or ')}` })
    .optional()
    .transform((given): Name => names.find((name) => name === given) ?? fallback)
    .meta({ description, default: fallback })
}

interface TextRule {
  readonly isValid: (text: string) => boolean
  readonly expected: string
  readonly example: string
  readonly description: string
}

function optionalText({ isValid, expected, example, description }: TextRule) {
  return z
    .string({ error: () => expected })
    .refine((given) => given === '' || isValid(given), {
      error: expected,
      params: { showsValue: true },
    })
    .transform((given) => (given === '' ? undefined : given))
    .optional()
    .meta({ description, examples: [example] })
}

export const parameterOptions = z
  .strictObject({
    MemorySize: wholeNumber({
      min: 1,
      max: MAX_COUNT,
      fallback: 65_535,
      description:
        'KB of memory that messages may use, over all channels. Required in a connector definition.',
    }),
    PublishRegion: optionalText({
      isValid: isRegion,
      expected: 'expected an AWS Region such as us-west-2',
      example: 'us-west-2',
      description: 'AWS Region of the channels. Default: the environment variable AWS_REGION.',
    }),
    PublishInterval: wholeNumber({
      min: 0,
      max: MAX_INTERVAL_SECONDS,
      fallback: 1,
      description:
        'Seconds after which a batch is sent even if it is not full, counted from its oldest message’s arrival. 0: every message is sent at once.',
    }),
    IotAnalyticsMaxActiveChannels: wholeNumber({
      min: 1,
      max: MAX_COUNT,
      fallback: 50,
      description:
        'Maximum channels that may have messages waiting at the same time. A drained channel no longer counts.',
    }),
    IotAnalyticsQueueDropBehavior: choice(
      ['DROP_NEWEST', 'DROP_OLDEST'],
      'Which message is given up when a channel’s queue is full: the arriving one or the oldest waiting one.',
    ),
    IotAnalyticsQueueSizePerChannel: wholeNumber({
      min: 1,
      max: MAX_COUNT,
      fallback: undefined,
      description: `Maximum messages that may wait per channel, including those being sent. Default: ${MEMORY_QUEUE_SIZE} with storage.durability memory; on disk, storage.maxBytes is the limit.`,
    }),
    IotAnalyticsBatchSizePerChannel: wholeNumber({
      min: 1,
      max: MAX_BATCH_MESSAGES,
      fallback: 5,
      because: `BatchPutMessage takes at most ${MAX_BATCH_MESSAGES} messages a call`,
      description: 'Maximum messages per batch. A batch is sent as soon as this number is waiting.',
    }),
    IotAnalyticsDefaultChannelName: optionalText({
      isValid: isChannelName,
      expected: `expected a channel name: ${CHANNEL_NAME_RULE}`,
      example: 'my_channel',
      description: 'Channel for messages that arrive on the topics of `inputs`.',
    }),
    BinaryPayloadEncoding: choice(
      ['raw', 'base64'],
      'How binary messages are stored: unchanged, or as base64 text for pipelines that decode it. An extension to AWS’s parameters.',
    ),
    StatusReports: choice(
      ['all', 'failures', 'none'],
      'Which messages get a receipt on iotanalytics/messages/put/status. An extension to AWS’s parameters.',
    ),
  })
  .describe('The connector’s documented parameters. Values may be strings or numbers.')

/** The resolved parameters: numbers instead of strings, and units in the names. */
export interface ConnectorParameters {
  readonly memoryBytes: number
  readonly publishRegion: string | undefined
  /** 0: every message is sent at once. */
  readonly publishIntervalMs: number
  readonly maxActiveChannels: number
  readonly queueDropBehavior: 'DROP_NEWEST' | 'DROP_OLDEST'
  /** Undefined: only bytes limit the queue. Always defined with durability `memory`. */
  readonly queueSizePerChannel: number | undefined
  /** 1 to 100. */
  readonly batchSizePerChannel: number
  readonly defaultChannelName: string | undefined
  readonly binaryPayloadEncoding: 'raw' | 'base64'
  readonly statusReports: 'all' | 'failures' | 'none'
}

export function resolveParameters(
  given: z.output<typeof parameterOptions>,
  durability: 'disk' | 'memory',
): ConnectorParameters {
  const queueSize = given.IotAnalyticsQueueSizePerChannel
  return {
    memoryBytes: given.MemorySize * 1024,
    publishRegion: given.PublishRegion,
    publishIntervalMs: given.PublishInterval * 1000,
    maxActiveChannels: given.IotAnalyticsMaxActiveChannels,
    queueDropBehavior: given.IotAnalyticsQueueDropBehavior,
    queueSizePerChannel: queueSize ?? (durability === 'memory' ? MEMORY_QUEUE_SIZE : undefined),
    batchSizePerChannel: given.IotAnalyticsBatchSizePerChannel,
    defaultChannelName: given.IotAnalyticsDefaultChannelName,
    binaryPayloadEncoding: given.BinaryPayloadEncoding,
    statusReports: given.StatusReports,
  }
}
