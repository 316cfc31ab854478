/** What can be asked; a click puts the name into the query. */
import { useSignal } from '@preact/signals'
import type { TableList } from '../../../src/http/api/shapes/query.ts'
import type { Resource } from '../../api/resource.ts'
import { Count } from '../../parts/figures.tsx'
import { Empty, Loaded } from '../../parts/notices.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { quotedName } from './quoted-name.ts'

type Table = TableList['tables'][number]

export interface TablesProps {
  readonly tables: Resource<TableList>
  readonly onInsert: (text: string) => void
  /** Called with the name of a table that somebody opens. */
  readonly onOpen: (table: string) => void
}

/** On a phone they would stand between the query and its result. */
const isWide = matchMedia('(min-width: 640px)').matches

type Actions = Pick<TablesProps, 'onInsert' | 'onOpen'>

export function Tables({ tables, ...actions }: TablesProps) {
  return (
    <details class="card tables" open={isWide}>
      <summary>
        <h2>Tables</h2>
      </summary>
      <Loaded resource={tables}>{(list) => <TableNames list={list} {...actions} />}</Loaded>
    </details>
  )
}

function TableNames({ list, ...actions }: { list: TableList } & Actions) {
  const filter = useSignal('')
  const found = list.tables.filter(({ name }) => name.includes(filter.value))
  if (list.tables.length === 0)
    return <Empty>Every channel is a table, from its first message on.</Empty>
  return (
    <>
      {list.tables.length > 8 && (
        <input
          type="search"
          aria-label="Find a table"
          placeholder="find"
          value={filter.value}
          onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
        />
      )}
      <div class="tables-list" tabIndex={0} role="group" aria-label="Tables and their columns">
        {found.slice(0, 200).map((table) => (
          <TableEntry key={`${table.kind} ${table.name}`} table={table} {...actions} />
        ))}
        {found.length > 200 && <p class="quiet">and {found.length - 200} more</p>}
      </div>
    </>
  )
}

function TableEntry({ table, onInsert, onOpen }: { table: Table } & Actions) {
  const isOpen = useSignal(false)
  const { name, kind, columns, rows } = table
  const toggle = (open: boolean): void => {
    isOpen.value = open
    if (open && columns === null) onOpen(name)
  }
  return (
    <details onToggle={({ currentTarget }) => toggle(currentTarget.open)}>
      <summary>
        <VisibleText text={name} maxCharacters={128} />{' '}
        <span class="quiet">
          {kind === 'datastore' && 'datastore '}
          {rows !== null && <Count value={rows} />}
        </span>
      </summary>
      {isOpen.value && (
        <ul class="table-columns">
          <li>
            <Insert text={name} onInsert={onInsert} type="the table" />
          </li>
          {columns === null && <li class="quiet">Its columns are not known yet.</li>}
          {columns?.map((column) => (
            <li key={column.name}>
              <Insert text={column.name} onInsert={onInsert} type={column.type} />
            </li>
          ))}
        </ul>
      )}
    </details>
  )
}

interface InsertProps {
  readonly text: string
  readonly type: string
  readonly onInsert: (text: string) => void
}

function Insert({ text, type, onInsert }: InsertProps) {
  return (
    <button
      type="button"
      class="button is-plain is-small"
      title="Put it into the query"
      onClick={() => onInsert(quotedName(text))}
    >
      <code>
        <VisibleText text={text} maxCharacters={128} />
      </code>{' '}
      <span class="quiet">{type}</span>
    </button>
  )
}
