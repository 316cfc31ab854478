/**
 * Everything that can go wrong, by name.
 *
 * The runtime never asks what class an error has; it asks what may be done about it: `retry`
 * (the same thing may succeed later), `reject` (this message is refused for good), `fatal` (the
 * process can't go on as configured). A code that a sender can meet in a receipt is written so that a
 * person reading the receipt alone knows what to change.
 *
 * `docs/errors.md` lists the catalogue; a test holds the two together.
 */

export type ErrorEffect = 'retry' | 'reject' | 'fatal'

interface CatalogueEntry {
  readonly effect: ErrorEffect
  /** One sentence for `docs/errors.md`: when it happens and what helps. */
  readonly meaning: string
}

export const ERROR_CATALOGUE = {
  // What a sender can mend.
  InvalidMessage: {
    effect: 'reject',
    meaning:
      'A message on …/messages/put is not JSON of the form {"request":{"message":"<string>"},"id":"<string>"}. Send it so, or use …/messages/binary/put for raw data.',
  },
  InvalidChannelName: {
    effect: 'reject',
    meaning:
      'The topic names a channel that cannot exist. A channel name has 1 to 128 of A-Z a-z 0-9 _ and does not begin with two underscores.',
  },
  InvalidTopic: {
    effect: 'reject',
    meaning: 'The topic is longer than 256 bytes of UTF-8, or is not one that may be published to.',
  },
  MessageTooLarge: {
    effect: 'reject',
    meaning: 'The message is larger than 128 KB (131,072 bytes). Split it.',
  },
  DuplicateMessageId: {
    effect: 'reject',
    meaning:
      'Another message with this id is already in the batch being sent, or inside the deduplication window. Ids must differ within a batch.',
  },
  NotAuthorized: {
    effect: 'reject',
    meaning: 'The client may not publish to this topic. Its access list decides.',
  },

  // Bounds that were met.
  QueueFull: {
    effect: 'reject',
    meaning:
      'The channel’s queue is full and its drop behaviour chose this message. Raise IotAnalyticsQueueSizePerChannel, or mend the destination. With DROP_OLDEST, storage.maxBytes may be the bound that was met.',
  },
  MemoryFull: {
    effect: 'reject',
    meaning:
      'Messages in memory have reached MemorySize and the drop behaviour chose this one. Raise MemorySize, or store on disk.',
  },
  ActiveChannelLimit: {
    effect: 'reject',
    meaning:
      'As many channels as IotAnalyticsMaxActiveChannels allows have messages waiting. Raise it, or wait until one has drained.',
  },
  ChannelLimit: {
    effect: 'retry',
    meaning:
      'The message names a channel that does not exist, and there are as many as storage.maxChannels allows. Channels that exist go on. Raise the limit, or look who makes up names.',
  },
  MessageExpired: {
    effect: 'reject',
    meaning: 'The message waited longer than the channel’s maxAge.',
  },

  // The box.
  StorageFull: {
    effect: 'retry',
    meaning:
      'All channels together hold as many bytes as storage.maxBytes allows, and no older message could make room. The message was not stored; send it again once there is room. Raise storage.maxBytes, or mend the destination.',
  },
  StorageFailed: {
    effect: 'retry',
    meaning:
      'The message could not be written to disk (full, read-only or an I/O error). It was not stored; send it again once storage has recovered.',
  },
  DataDamaged: {
    effect: 'reject',
    meaning:
      'The message’s bytes on disk no longer match their checksum. They are kept in quarantine/ and counted.',
  },
  DirectoryLocked: {
    effect: 'fatal',
    meaning: 'Another process uses the data directory. Stop it, or choose another directory.',
  },

  // Destinations.
  DestinationUnavailable: {
    effect: 'retry',
    meaning: 'The destination could not be reached or did not answer in time. It is tried again.',
  },
  DestinationRefused: {
    effect: 'reject',
    meaning: 'The destination refused the message for good and gave no name for the reason.',
  },
  CredentialsUnavailable: {
    effect: 'retry',
    meaning: 'No AWS credentials could be had just now. They are looked for again.',
  },

  // Sources.
  BrokerUnavailable: {
    effect: 'retry',
    meaning: 'The external MQTT broker could not be reached. It is tried again for ever.',
  },
  SubscriptionRefused: {
    effect: 'retry',
    meaning: 'The external MQTT broker refused a subscription. Its access list decides.',
  },
  AddressInUse: {
    effect: 'fatal',
    meaning: 'The address to listen on is taken or not allowed. Choose another host or port.',
  },

  // The operator.
  InvalidConfiguration: {
    effect: 'fatal',
    meaning: 'The configuration has an error; the message names path, value and what is allowed.',
  },
  Stopping: {
    effect: 'retry',
    meaning: 'The connector is shutting down and takes no more messages.',
  },
  Unexpected: {
    effect: 'fatal',
    meaning: 'A fault in the connector itself. Please report it with the log line.',
  },
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof ERROR_CATALOGUE

/**
 * Whether the same message may be taken later. A sender that keeps its message until it is
 * acknowledged must then get no acknowledgement. `code` may be a destination's own name: never.
 */
export function isNotNow(code: string): boolean {
  return isOwnCode(code) && ERROR_CATALOGUE[code].effect === 'retry'
}

/** Whether the code is one of the catalogue. */
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
 * What was thrown, as a ConnectorError. For the borders where foreign code ends.
 * An error that already is one comes back as it is.
 */
export function asConnectorError(thrown: unknown, code: ErrorCode, doing: string): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown
  return new ConnectorError(code, `${doing}: ${messageOf(thrown)}`, { cause: thrown })
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The `code` of a Node system error (`ENOSPC`, `ECONNREFUSED`, …), if it has one. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}
