/** The newest of everything that `top` shows. */
import { type ChannelRow, channelTable } from '../../../http/api/shapes/channels.ts'
import { type ClientList, clientList } from '../../../http/api/shapes/clients.ts'
import { type DestinationDetail, destinationList } from '../../../http/api/shapes/destinations.ts'
import { type TailMessage, tail as tailShape } from '../../../http/api/shapes/messages.ts'
import { type Overview, overview as overviewShape } from '../../../http/api/shapes/overview.ts'
import type { StreamEvent } from '../../operator/event-stream.ts'
import { understood } from '../../operator/operator-api.ts'

const MAX_TAIL_MESSAGES = 500

export interface TopData {
  readonly overview: Overview
  readonly channels: readonly ChannelRow[]
  /** Channels that are in no row. */
  readonly otherChannels: number
  readonly destinations: readonly DestinationDetail[]
  readonly clients: ClientList
  readonly tail: readonly TailMessage[]
  /** Messages of the tail that were not sent, because there were too many. */
  readonly skipped: number
}

/** Before the first events. */
export function firstData(overview: Overview): TopData {
  return {
    overview,
    channels: overview.channels,
    otherChannels: overview.channelCount - overview.channels.length,
    destinations: [],
    clients: { now: overview.now, clients: [], clientCount: 0, refused: [] },
    tail: [],
    skipped: 0,
  }
}

/** The data with what the event says; an event that is not understood says nothing. */
export function withEvent(data: TopData, { name, data: text }: StreamEvent): TopData {
  switch (name) {
    case 'overview': {
      const overview = understood(text, overviewShape)
      return overview === undefined ? data : { ...data, overview }
    }
    case 'channels': {
      const table = understood(text, channelTable)
      if (table === undefined) return data
      return { ...data, channels: table.rows, otherChannels: table.others?.count ?? 0 }
    }
    case 'destinations': {
      const list = understood(text, destinationList)
      return list === undefined ? data : { ...data, destinations: list.destinations }
    }
    case 'clients': {
      const clients = understood(text, clientList)
      return clients === undefined ? data : { ...data, clients }
    }
    case 'tail': {
      const tail = understood(text, tailShape)
      if (tail === undefined) return data
      const messages = [...data.tail, ...tail.messages].slice(-MAX_TAIL_MESSAGES)
      return { ...data, tail: messages, skipped: data.skipped + tail.skipped }
    }
    default:
      return data
  }
}
