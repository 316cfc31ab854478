/**
 * The catalogue of errors, by code.
 *
 * Code that handles an error looks at its effect, not at its class: `retry` (the same operation may
 * succeed later), `reject` (this message can never be accepted), `fatal` (the process cannot
 * continue with this configuration). If a receipt can carry a code, the texts must let its reader
 * know what to change.
 *
 * `docs/errors.md` lists the catalogue; a test keeps the two in step.
 */

export type ErrorEffect = 'retry' | 'reject' | 'fatal'

interface CatalogueEntry {
  readonly effect: ErrorEffect
  /** For `docs/errors.md`: what happened, what it means for the message, and what to do. */
  readonly meaning: string
}

export const ERROR_CATALOGUE = {
  // Errors that a sender can fix.
  InvalidMessage: {
    effect: 'reject',
    meaning:
      'A message on …/messages/put is not JSON of the form {"request":{"message":"<string>"},"id":"<string>"}. It is kept as a dead letter, unless deadLetters is false. Send it in that form, or send raw data to …/messages/binary/put.',
  },
  InvalidChannelName: {
    effect: 'reject',
    meaning:
      'The topic names a channel that cannot exist. The message is kept as a dead letter, unless deadLetters is false. A channel name has 1 to 128 of A-Z a-z 0-9 _ and does not begin with two underscores.',
  },
  InvalidTopic: {
    effect: 'reject',
    meaning:
      'The topic is longer than 256 bytes of UTF-8, or nobody may publish to it. The message was not stored. Send it to another topic.',
  },
  MessageTooLarge: {
    effect: 'reject',
    meaning:
      'The message is larger than 128 KB (131,072 bytes), or its id is longer than 4,096 bytes and came through nucleus lite, where a status message has no room for it. It was not stored. Split it, or shorten the id.',
  },
  DuplicateMessageId: {
    effect: 'reject',
    meaning:
      'A message with the same id is already in the batch being sent, or arrived within the deduplication window. Only the first one is delivered. Give each message its own id.',
  },
  NotAuthorized: {
    effect: 'reject',
    meaning:
      'The access rules do not allow the client to publish to this topic. The message was not stored. Change the rules, or the topic.',
  },

  // Limits that were reached.
  QueueFull: {
    effect: 'reject',
    meaning:
      'The channel’s queue is full, and this is the message that its drop behaviour gave up. The message is lost. Raise IotAnalyticsQueueSizePerChannel, or fix the destination. With DROP_OLDEST, the limit may also be storage.maxBytes.',
  },
  MemoryFull: {
    effect: 'reject',
    meaning:
      'Messages in memory have reached MemorySize, and this is the message that the drop behaviour gave up. The message is lost. Raise MemorySize, or store messages on disk.',
  },
  ActiveChannelLimit: {
    effect: 'reject',
    meaning:
      'Messages are waiting in as many channels as IotAnalyticsMaxActiveChannels allows. The message was not stored. Raise the limit, or send it again when a channel has drained.',
  },
  ChannelLimit: {
    effect: 'retry',
    meaning:
      'The message names a new channel, but there are already as many as storage.maxChannels allows. The message was not stored; existing channels are not affected. Raise the limit, or find the client that is inventing channel names.',
  },
  BufferFull: {
    effect: 'reject',
    meaning:
      'Messages from the Greengrass nucleus came faster than they could be stored, and as many as sources.greengrass.maxBufferedMessages allows were waiting. The message is lost. Send it again, or send fewer at a time.',
  },
  MessageExpired: {
    effect: 'reject',
    meaning:
      'The message waited longer than the channel’s maxAge and was given up. Raise maxAge, or fix the destination.',
  },

  // The machine.
  StorageFull: {
    effect: 'retry',
    meaning:
      'All channels together hold as many bytes as storage.maxBytes allows, and no older message could be dropped to make room. The message was not stored; send it again once there is room. Raise storage.maxBytes, or fix the destination.',
  },
  StorageFailed: {
    effect: 'retry',
    meaning:
      'The message could not be written to disk: the disk is full, read-only or reports I/O errors. The message was not stored; send it again once storage has recovered.',
  },
  DataDamaged: {
    effect: 'reject',
    meaning:
      'The message’s bytes on disk no longer match their checksum. The message cannot be delivered; its bytes are kept in quarantine/. Check the disk, and run doctor.',
  },
  DirectoryLocked: {
    effect: 'fatal',
    meaning:
      'Another process uses the data directory. Nothing in it was changed. Stop that process, or choose another directory.',
  },

  // Destinations.
  DestinationUnavailable: {
    effect: 'retry',
    meaning:
      'The destination could not be reached or did not answer in time. The messages are kept, and the connector sends them again.',
  },
  DestinationRefused: {
    effect: 'reject',
    meaning:
      'The destination rejected the message permanently and gave no name for the reason. The message is kept as a dead letter, unless deadLetters is false. Fix the cause, then replay it.',
  },
  ContentRefused: {
    effect: 'reject',
    meaning:
      'The destination cannot store the message because of what it contains. Other messages of its batch are not affected. The message is kept as a dead letter, unless deadLetters is false. Fix what the device sends, or what the destination accepts, then replay it.',
  },
  NotSelected: {
    effect: 'reject',
    meaning:
      'The settings `channels`, `topics` or `sample` of a destination leave the message out. This is no loss. Its sender gets the receipt of the first destination whose `channels` and `topics` select the message; if there is none, or `sample` leaves it out there, the receipt says success. It is counted so that the ledger adds up.',
  },
  DestinationAhead: {
    effect: 'retry',
    meaning:
      'The destination already has messages of this channel that the local log never had, so the log is older than what was sent from it: it was restored from a backup, or lost its newest messages. New messages would be taken for ones that are there already. From now on they are sent as those of another log, whose id the message names. Nothing has to be done.',
  },
  DestinationDenied: {
    effect: 'retry',
    meaning:
      'The destination does not let the connector in: a permission is missing, the key or its signature is wrong, or a proxy asks for a login. The messages are kept, and the connector keeps retrying. Grant the permission (for iotAnalytics: iotanalytics:BatchPutMessage on the channel), or correct the credentials or the clock.',
  },
  DestinationMissing: {
    effect: 'retry',
    meaning:
      'What the messages are to be written to is not there: a bucket, stream, topic, table or database. The messages are kept, and the connector keeps retrying. Create it, or correct its name.',
  },
  CredentialsUnavailable: {
    effect: 'retry',
    meaning:
      'No AWS credentials are available. The messages are kept, and the connector keeps retrying. Provide credentials, for example as environment variables.',
  },

  // Sources.
  BrokerUnavailable: {
    effect: 'retry',
    meaning:
      'The external MQTT broker could not be reached. The connector retries indefinitely; meanwhile no messages arrive from that broker. Check its address and the network.',
  },
  SubscriptionRefused: {
    effect: 'retry',
    meaning:
      'The external MQTT broker refused a subscription, so its messages do not arrive. The connector retries. Change the broker’s access list.',
  },
  NucleusUnavailable: {
    effect: 'retry',
    meaning:
      'The Greengrass nucleus could not be reached, does not answer, or dropped a subscription. The connector retries; messages that are published meanwhile do not arrive. If it lasts, look at the log of the nucleus.',
  },
  NucleusRefused: {
    effect: 'retry',
    meaning:
      'The Greengrass nucleus does not allow the component to subscribe or to publish. The connector retries. Add what the message names to accessControl in the component’s configuration.',
  },
  AddressInUse: {
    effect: 'fatal',
    meaning:
      'The address to listen on is in use or not permitted. The connector did not start. Choose another host or port.',
  },

  // Tables and queries.
  AnalyticsUnavailable: {
    effect: 'retry',
    meaning:
      'Tables and queries need DuckDB, in a process of its own, and that is not installed or has ended. Messages are not affected. Run npm install @duckdb/node-api; if the process ended, the log says why.',
  },
  TablesFull: {
    effect: 'retry',
    meaning:
      'There is no room for more Parquet files: the disk has less room than storage.maxBytes may need, or the files of today reach analytics.tables.maxBytes. Messages are not affected. Their rows are converted once there is room, if they are still stored then. Free space on the disk, or change the settings.',
  },
  ThingsUnavailable: {
    effect: 'retry',
    meaning:
      'What a pipeline adds to its messages could not be looked up: the file of analytics.pipelines is missing or has an error, or AWS IoT could not be reached. The messages wait, and the pipeline tries again. Correct the file, or the way to AWS.',
  },
  InvalidQuery: {
    effect: 'reject',
    meaning:
      'The SQL of a query has an error, or is something else than one SELECT. Nothing was changed. The message says where; correct the text.',
  },
  QueryLimit: {
    effect: 'reject',
    meaning:
      'The query took more time or memory, or has a larger result, than its limits allow. Nothing was changed. Ask for less: fewer rows, a shorter time, a LIMIT; or raise the limit.',
  },
  QueryCancelled: {
    effect: 'reject',
    meaning: 'An operator has ended the query with `DELETE /api/v1/query/<id>`. Ask again.',
  },
  InvalidDataset: {
    effect: 'reject',
    meaning:
      'What a dataset asks for can’t be done: a version that only a delta dataset has, an image without a program in analytics.datasets.containers, a place for content that is none. The message says what is expected.',
  },
  DatasetsFull: {
    effect: 'retry',
    meaning:
      'There is no room for more content of datasets: all of it has reached analytics.datasets.maxBytes, or the disk has less room than storage.maxBytes may need. Messages are not affected. Delete versions, shorten the retention, raise the setting, or free space on the disk.',
  },
  ContainerFailed: {
    effect: 'reject',
    meaning:
      'The program of a container action can’t be started, has failed, took too long, or wrote more than there is room for. The message has the last line that it wrote.',
  },
  DeliveryFailed: {
    effect: 'retry',
    meaning:
      'Content of a dataset could not be written to the folder that stands for its bucket. The content itself is kept, and the delivery is tried again.',
  },

  // The operator.
  InvalidConfiguration: {
    effect: 'fatal',
    meaning:
      'The configuration has an error. The message names the path, the value and what is allowed. The connector did not start, or kept the settings it had.',
  },
  InvalidPipeline: {
    effect: 'reject',
    meaning:
      'The definition of a pipeline or of an activity has an error: its shape, the order of its activities, or an expression. The message says where. Nothing was changed. Correct the definition.',
  },
  Stopping: {
    effect: 'retry',
    meaning:
      'The connector is shutting down and accepts no more messages. The message was not stored; send it again after the restart.',
  },
  Unexpected: {
    effect: 'fatal',
    meaning: 'A fault in the connector itself. Please report it with the log line.',
  },
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof ERROR_CATALOGUE

/** Codes of limits that take messages again once there is room. */
export type RoomLimit = Extract<
  ErrorCode,
  'QueueFull' | 'MemoryFull' | 'StorageFull' | 'ActiveChannelLimit'
>

const ROOM_LIMITS: ReadonlySet<string> = new Set<RoomLimit>([
  'QueueFull',
  'MemoryFull',
  'StorageFull',
  'ActiveChannelLimit',
])

export function isRoomLimit(code: string): code is RoomLimit {
  return ROOM_LIMITS.has(code)
}

/**
 * Whether the same message may be accepted later. If so, a sender that keeps its message until it
 * is acknowledged must get no acknowledgement. False for a destination's own error names.
 */
export function isNotNow(code: string): boolean {
  return isOwnCode(code) && ERROR_CATALOGUE[code].effect === 'retry'
}

/** Whether the catalogue has this code. */
export function isOwnCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CATALOGUE, code)
}

export class ConnectorError extends Error {
  readonly code: ErrorCode
  override readonly name = 'ConnectorError'

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }

  get effect(): ErrorEffect {
    return ERROR_CATALOGUE[this.code].effect
  }
}

/**
 * Converts what foreign code has thrown into a ConnectorError. Returns an error that already is one
 * unchanged.
 */
export function asConnectorError(thrown: unknown, code: ErrorCode, doing: string): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown
  return new ConnectorError(code, `${doing}: ${messageOf(thrown)}`, { cause: thrown })
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  EACCES: 'permission denied; the user that runs the connector must be able to read it',
  EPERM: 'permission denied; the user that runs the connector must be able to read it',
  ELOOP: 'its symbolic links lead in a circle',
}

/** Why a file can't be read, for people. */
export function fileReasonOf(thrown: unknown): string {
  return FILE_REASONS[systemCodeOf(thrown) ?? ''] ?? messageOf(thrown)
}

const WRITE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'a directory in the path does not exist and cannot be created',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  ELOOP: 'its symbolic links lead in a circle',
  EACCES: 'permission denied; its owner must be the user that runs the connector (chown)',
  EPERM: 'permission denied; its owner must be the user that runs the connector (chown)',
  EROFS: 'the file system is read-only; mount it for writing',
  ENOSPC: 'the disk is full; free space on it',
  EDQUOT: 'the quota is used up; raise it, or free space',
  EIO: 'the disk reports an error; look at the kernel’s log',
}

/** Why a file or directory can't be created or written, for people. */
export function writeReasonOf(thrown: unknown): string {
  return WRITE_REASONS[systemCodeOf(thrown) ?? ''] ?? messageOf(thrown)
}

/** What OpenSSL's messages mean. */
const TLS_REASONS: readonly (readonly [part: string, meaning: string])[] = [
  ['no start line', 'one of them is not a PEM file'],
  ['key values mismatch', 'the key does not belong to the certificate'],
  ['bad decrypt', 'the passphrase is wrong or missing'],
  // One wrong passphrase of 256 gives bytes with a valid end, which are then no key.
  ['DECODER routines::unsupported', 'the key can’t be read, or its passphrase is wrong or missing'],
  ['bad password read', 'the key needs a passphrase'],
  ['interrupted or cancelled', 'the key needs a passphrase'],
]

/** Why certificates and keys can't be used, for people, with the message of OpenSSL. */
export function tlsReasonOf(thrown: unknown): string {
  const message = messageOf(thrown)
  const meaning = TLS_REASONS.find(([part]) => message.includes(part))?.[1]
  return meaning === undefined ? message : `${meaning} (${message})`
}

/** The `code` of a Node system error (`ENOSPC`, `ECONNREFUSED`, …), if it has one. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}
