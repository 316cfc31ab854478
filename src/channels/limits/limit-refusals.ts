/**
 * The receipts for messages that a limit refused or dropped. Each names the channel, the limit, its
 * value, and what to do.
 */

import { isNotNow, isRoomLimit } from '../../errors.ts'
import type { Refusal } from '../../message.ts'
import { counted } from '../../units.ts'

/**
 * Whether the sender keeps a message that is refused: never, when it can't be stored now, or
 * when a limit has no room for it now as well.
 */
export type MayWithhold = boolean | 'limits'

export function withholds(mayWithhold: MayWithhold, code: string): boolean {
  if (mayWithhold === false) return false
  return isNotNow(code) || (mayWithhold === 'limits' && isRoomLimit(code))
}

export type DropBehavior = 'DROP_NEWEST' | 'DROP_OLDEST'

export function queueFull(
  channel: string,
  maxBacklogMessages: number,
  behavior: DropBehavior,
): Refusal {
  return {
    error: 'QueueFull',
    message: `Channel ${channel} has ${counted(maxBacklogMessages, 'message')} waiting, the most that IotAnalyticsQueueSizePerChannel allows; ${choiceOf(behavior)}. Raise the parameter, or fix the destination.`,
  }
}

/** For a new message: there may be room for it later. */
export function storageFull(channel: string, maxBytes: number): Refusal {
  return {
    error: 'StorageFull',
    message: `Channel ${channel} has no room: all channels together hold the ${maxBytes} bytes that storage.maxBytes allows. The message was not stored; send it again once there is room. Raise storage.maxBytes, or fix the destination.`,
  }
}

/** For stored messages that DROP_OLDEST drops: they are lost. */
export function droppedFromFullStorage(channel: string, maxBytes: number): Refusal {
  return {
    error: 'QueueFull',
    message: `Channel ${channel} has no room: all channels together hold the ${maxBytes} bytes that storage.maxBytes allows; ${choiceOf('DROP_OLDEST')}. Raise storage.maxBytes, or fix the destination.`,
  }
}

export function memoryFull(channel: string, maxBytes: number, behavior: DropBehavior): Refusal {
  return {
    error: 'MemoryFull',
    message: `Channel ${channel} has no room: messages in memory hold the ${Math.floor(maxBytes / 1024)} KB that MemorySize allows; ${choiceOf(behavior)}. Raise MemorySize, or set storage.durability to disk.`,
  }
}

export function activeChannelLimit(channel: string, maxActiveChannels: number): Refusal {
  return {
    error: 'ActiveChannelLimit',
    message: `Channel ${channel} can't become active: messages wait in ${counted(maxActiveChannels, 'channel')}, the most that IotAnalyticsMaxActiveChannels allows. Raise the parameter, or send the message again when a channel has drained.`,
  }
}

export function channelLimit(channel: string, maxChannels: number): Refusal {
  return {
    error: 'ChannelLimit',
    message: `Channel ${channel} does not exist, and storage.maxChannels allows no more than the ${counted(maxChannels, 'channel')} there are. Use an existing channel, or raise the limit.`,
  }
}

export function alreadyStored(channel: string): Refusal {
  return {
    error: 'DuplicateMessageId',
    message: `Channel ${channel} already has a message with this id and stores it only once. Give each message its own id, or shorten the channel's deduplication window.`,
  }
}

function choiceOf(behavior: DropBehavior): string {
  return behavior === 'DROP_NEWEST'
    ? 'DROP_NEWEST refused this message'
    : 'DROP_OLDEST gave up this message'
}
