/** What the operator's API shows of the running connector. */
import type { ChannelDetail, ChannelList, ChannelTable, FieldList } from '../api/shapes/channels.ts'
import type { ClientList } from '../api/shapes/clients.ts'
import type { DestinationList } from '../api/shapes/destinations.ts'
import type { Ledger } from '../api/shapes/ledger.ts'
import type { Story } from '../api/shapes/messages.ts'
import type { History, Overview } from '../api/shapes/overview.ts'
import type { TableList } from '../api/shapes/query.ts'
import type { Settings } from '../api/shapes/settings.ts'

/** All figures of one moment. Each part is made when it is asked for. */
export interface Snapshot {
  readonly overview: Overview
  readonly channelTable: ChannelTable
  readonly destinations: DestinationList
  readonly ledger: Ledger
  readonly clients: ClientList
}

export interface OperatorView {
  /** The name of the machine, or of the connector. */
  readonly identity: { readonly instance: string; readonly version: string }

  snapshot(): Snapshot

  /** The channels after the name `after`, in order of their names. */
  channelList(after: string, limit: number): ChannelList

  /** Undefined if there is no such channel. */
  channelDetail(name: string): Promise<ChannelDetail | undefined>

  /** The last hour of all channels together. */
  history(): History

  /** Undefined if there is no such channel, or if too many others were there before it. */
  channelHistory(name: string): History | undefined

  settings(): Settings

  /**
   * The fields of the last messages. Undefined if there is no such channel.
   * @param nextTurn called between pieces of work
   */
  fields(channel: string, nextTurn: () => Promise<void>): Promise<FieldList | undefined>

  /** By the sender's id or the message id: what happened, step by step. */
  story(id: string): Promise<Story>

  /**
   * What queries can ask for: channels, then datastores, after the qualified name `after`, such as
   * `channels.pumps`. None if nothing can be asked.
   * @param nextTurn called between pieces of work
   */
  tables(after: string, limit: number, nextTurn: () => Promise<void>): Promise<TableList>
}
