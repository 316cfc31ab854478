/** The tables of queries, as the operator's API lists them. */
import { resolve } from 'node:path'
import type { ChannelSet } from '../../channels/channel-set.ts'
import type { ConnectorConfig } from '../../config/connector-config.ts'
import type { TableList } from '../../http/api/shapes/query.ts'
import type { OperatorView } from '../../http/views/operator-view.ts'

export type TableLister = OperatorView['tables']

/** Undefined with durability `memory`: queries read what is on disk. */
export async function openTableList(
  { storage }: ConnectorConfig,
  channels: ChannelSet,
): Promise<TableLister | undefined> {
  if (storage.durability !== 'disk') return undefined
  const { listTables, qualifiedName } = await import(
    '../../analytics/query/tables/listed-tables.ts'
  )
  const directory = resolve(storage.directory)
  return async (after, limit, nextTurn): Promise<TableList> => {
    const names = [...channels].map(({ name }) => name)
    const found = await listTables(directory, { after, limit, channels: names, nextTurn })
    const page = found.slice(0, limit)
    const last = page.at(-1)
    return {
      tables: page.map(({ kind, name, columns }) => {
        const log = kind === 'channel' ? channels.get(name)?.log : undefined
        const rows = log === undefined ? null : log.committed - log.start
        return { name, kind, columns: columns && [...columns], rows }
      }),
      next: found.length > limit && last !== undefined ? qualifiedName(last) : null,
    }
  }
}
