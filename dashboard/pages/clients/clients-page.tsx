/** Who is connected to the MQTT server, and who was refused lately. */
import { useSignal } from '@preact/signals'
import type { ClientList, ClientRow } from '../../../src/http/api/shapes/clients.ts'
import { useTopic } from '../../live/events.ts'
import { clients, overview } from '../../live/store.ts'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { Count, counted, Rate } from '../../parts/figures.tsx'
import { Empty, Loading } from '../../parts/notices.tsx'
import { useStableOrder } from '../../parts/order/stable-order.ts'
import { Age, DateTime, secondsSince } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { Refused } from './refused.tsx'

const COLUMNS: readonly Column<ClientRow>[] = [
  {
    name: 'Client id',
    isHeading: true,
    cell: ({ clientId }) => <VisibleText text={clientId} maxCharacters={128} />,
  },
  {
    name: 'User',
    cell: ({ user }) =>
      user === null ? (
        <span class="quiet">anonymous</span>
      ) : (
        <VisibleText text={user} maxCharacters={128} />
      ),
  },
  {
    name: 'Address',
    isWide: true,
    cell: ({ address, transport, protocol }) => (
      <span title={protocol}>
        {transport}://
        <VisibleText text={address} maxCharacters={128} />
      </span>
    ),
  },
  { name: 'In', isFigure: true, cell: (row) => <Rate value={row.in} /> },
  { name: 'Received', isFigure: true, cell: ({ received }) => <Count value={received} /> },
  {
    name: 'Last topic',
    isWide: true,
    cell: ({ lastTopic }) =>
      lastTopic === null ? '–' : <VisibleText text={lastTopic} maxCharacters={128} />,
  },
  {
    name: 'Last message',
    isFigure: true,
    cell: ({ lastMessageAt }) => (lastMessageAt === null ? '–' : <Ago at={lastMessageAt} />),
  },
  { name: 'Connected', isFigure: true, cell: ({ since }) => <Age of={since} /> },
]

export function ClientsPage() {
  useTopic('clients')
  const list = clients.value
  return (
    <>
      <h1>Clients</h1>
      {list === undefined ? (
        <Loading />
      ) : (
        <>
          <Connected list={list} />
          <Refused refused={list.refused} />
        </>
      )}
    </>
  )
}

function Ago({ at }: { at: string }) {
  return (
    <span title={at}>
      {secondsSince(at) < 1 ? (
        'just now'
      ) : (
        <>
          <Age of={at} /> ago
        </>
      )}
    </span>
  )
}

function Connected({ list: { clients: rows, clientCount } }: { list: ClientList }) {
  const filter = useSignal('')
  const ordered = useStableOrder(rows, keyOf)
  const shown = ordered.rows.filter((row) => textOf(row).includes(filter.value))
  if (clientCount === 0) return <Nobody />
  return (
    <>
      <div class="page-head">
        <label class="field">
          Find
          <input
            type="search"
            data-search
            placeholder="id, user, address, topic"
            value={filter.value}
            onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
          />
        </label>
        <span class="quiet">
          {counted(clientCount, 'client')}
          {clientCount > rows.length && `, the busiest ${rows.length} are shown`}
        </span>
        {ordered.isOld && (
          <button type="button" class="button is-small" onClick={ordered.sort}>
            Sort again
          </button>
        )}
      </div>
      <section class="card">
        {shown.length === 0 && <Empty>None of the clients here has “{filter.value}”.</Empty>}
        {shown.length > 0 && (
          <DataTable
            caption="Connected clients with their rates"
            columns={COLUMNS}
            rows={shown}
            keyOf={keyOf}
          />
        )}
      </section>
    </>
  )
}

/** Says where clients would connect to. */
function Nobody() {
  const servers = overview.value?.sources.filter(({ state }) => state === 'listening') ?? []
  return (
    <Empty>
      {servers.length === 0
        ? 'No MQTT server is configured here: messages come from other sources.'
        : 'No client is connected. They connect to: '}
      {servers.map(({ name, description, since }) => (
        <span key={name}>
          <VisibleText text={description} maxCharacters={200} />
          {since !== null && (
            <>
              , listening since <DateTime at={since} />
            </>
          )}
        </span>
      ))}
    </Empty>
  )
}

function keyOf({ clientId, since }: ClientRow): string {
  return `${clientId} ${since}`
}

function textOf({ clientId, user, address, lastTopic }: ClientRow): string {
  return `${clientId} ${user ?? ''} ${address} ${lastTopic ?? ''}`
}
