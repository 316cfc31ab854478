import * as z from 'zod'
import { clientTlsFields, file, isPair, PAIR } from '../../named-files/tls-options.ts'
import { duration, size } from '../../unit-options.ts'
import { partKeys } from '../rows/message-key.ts'

/** `[host]:port` is an IPv6 address. The client does not take it, so a name must be used. */
const BROKER = /^[A-Za-z0-9._-]+:([0-9]{1,5})$/
const TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/
const TOPIC_TEXT = 'must be 1 to 249 of A-Z a-z 0-9 . _ -'

const topicName = z.string().regex(TOPIC, TOPIC_TEXT)
const channelName = z.string().regex(/^[A-Za-z0-9_]{1,128}$/, 'must be the name of a channel')

export const HEADER_NAMES = [
  'connector',
  'channel',
  'log_id',
  'offset',
  'arrival_time',
  'topic',
  'message_id',
  'content_type',
] as const

const tls = z
  .strictObject(clientTlsFields('broker', ', in place of those that Node trusts'))
  .refine(isPair, PAIR)
  .describe(
    'Encrypts the connections. {} trusts the authorities that Node trusts. The files are read for each connection, so renewed certificates are used.',
  )

const sasl = z
  .strictObject({
    mechanism: z
      .enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
      .describe('How the brokers check the password. PLAIN sends it as it is: use it with tls.'),
    username: z.string().min(1).describe('User name.'),
    password: z.string().min(1).optional().describe('Password. Prefer passwordFile.'),
    passwordFile: file
      .optional()
      .describe('File with the password. It is read for each connection.'),
  })
  .refine(
    ({ password, passwordFile }) => (password === undefined) !== (passwordFile === undefined),
    {
      error: 'set one of password and passwordFile',
    },
  )
  .describe('Login at the brokers. Default: none.')

const key = z
  .union([z.enum(['topic', 'none']), ...partKeys])
  .default('topic')
  .describe(
    'Key of each record. Records with the same key stay in order, in one partition, which is the one that Kafka’s Java client chooses. A message without the level or the member gets its topic as key. With none there are no keys, and no order.',
  )

export const kafkaOptions = z
  .strictObject({
    brokers: z
      .array(
        z
          .string()
          .regex(BROKER, 'must be host:port')
          .refine((text) => Number(BROKER.exec(text)?.[1] ?? 1) <= 65_535, 'must be host:port'),
      )
      .min(1)
      .describe('Some brokers of the cluster, as host:port. The others are learned from them.'),
    topic: topicName.optional().describe('Topic for all channels.'),
    topics: z
      .record(channelName, topicName)
      .optional()
      .describe('Topic of each channel. The messages of other channels are kept.'),
    topicPrefix: z
      .string()
      .regex(/^[A-Za-z0-9._-]{0,100}$/, 'must be at most 100 of A-Z a-z 0-9 . _ -')
      .optional()
      .describe('A topic for each channel: this text, followed by the name of the channel.'),
    key,
    headers: z
      .array(z.enum(HEADER_NAMES))
      .default([...HEADER_NAMES])
      .refine((names) => new Set(names).size === names.length, 'must name each header once')
      .describe(
        'Headers of each record. connector, log_id and offset together identify a message: a reader that must not see duplicates needs them.',
      ),
    compression: z
      .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
      .default('none')
      .describe('Compression of record batches. zstd needs Node 22.15 or later.'),
    transactions: z
      .boolean()
      .default(false)
      .describe(
        'Writes messages and their position in one transaction, so that readers with isolation.level=read_committed get each message exactly once. Needs positionsTopic.',
      ),
    positionsTopic: topicName
      .default('iot-connector-positions')
      .describe('Topic with the positions, for transactions. Its cleanup.policy must be compact.'),
    maxRecordBatchBytes: size({ min: '16KiB', max: '64MiB', example: '1000KiB' })
      .prefault('1000KiB')
      .describe(
        'Maximum bytes of a record batch before compression. The topic’s max.message.bytes must not be smaller.',
      ),
    timeout: duration({ min: '1s', max: '5m', example: '30s' })
      .prefault('30s')
      .describe('Maximum time for a batch, with the time to connect and the client’s own retries.'),
    tls: tls.optional(),
    sasl: sasl.optional(),
  })
  .refine(
    ({ topic, topics, topicPrefix }) =>
      [topic, topics, topicPrefix].filter((one) => one !== undefined).length === 1,
    { error: 'set one of topic, topics and topicPrefix' },
  )
  .describe('Apache Kafka 2.8 or later, or a service that speaks its protocol.')

export type KafkaOptions = z.output<typeof kafkaOptions>
