/** All channels, or the one that the address names. */
import { useSignal } from '@preact/signals'
import { roughDurationText } from '../../../src/format/duration.ts'
import type { ChannelRow, ChannelTable } from '../../../src/http/api/shapes/channels.ts'
import { useTopic } from '../../live/events.ts'
import { channels } from '../../live/store.ts'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { Count, counted, Rate } from '../../parts/figures.tsx'
import { Empty, Loading } from '../../parts/notices.tsx'
import { useStableOrder } from '../../parts/order/stable-order.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { Age } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'
import { route } from '../../shell/current-route.ts'
import { ChannelPage } from '../channel/channel-page.tsx'

const COLUMNS: readonly Column<ChannelRow>[] = [
  {
    name: 'Channel',
    isHeading: true,
    cell: ({ name, fault }) => (
      <>
        <a href={linkTo('channels', name)}>
          <VisibleText text={name} maxCharacters={128} />
        </a>{' '}
        {fault !== null && (
          <span title={fault}>
            <StateBadge state="down">takes nothing</StateBadge>
          </span>
        )}
      </>
    ),
  },
  { name: 'In', isFigure: true, cell: (row) => <Rate value={row.in} /> },
  { name: 'Out', isFigure: true, cell: (row) => <Rate value={row.out} /> },
  { name: 'Waiting', isFigure: true, cell: (row) => <Count value={row.waiting} /> },
  {
    name: 'Oldest',
    isFigure: true,
    cell: ({ oldestAt }) => (oldestAt === null ? '–' : <Age of={oldestAt} />),
  },
  {
    name: 'Outage left',
    isFigure: true,
    cell: ({ outageLeftSeconds: left }) => (left === null ? '–' : roughDurationText(left)),
  },
  {
    name: 'Lost',
    isFigure: true,
    cell: ({ lost }) => (
      <span class={lost > 0 ? 'is-loss' : 'quiet'}>
        <Count value={lost} />
      </span>
    ),
  },
]

export function ChannelsPage() {
  const { name } = route.value
  return name === '' ? <ChannelListPage /> : <ChannelPage name={name} />
}

function ChannelListPage() {
  useTopic('channels')
  const table = channels.value
  return (
    <>
      <h1>Channels</h1>
      {table === undefined ? <Loading /> : <Table table={table} />}
    </>
  )
}

function Table({ table: { rows, others } }: { table: ChannelTable }) {
  const filter = useSignal('')
  const ordered = useStableOrder(rows, ({ name }) => name)
  const shown = ordered.rows.filter(({ name }) => name.includes(filter.value))
  if (rows.length === 0) {
    return (
      <Empty>
        No channel yet. A channel is there as soon as a message for it comes:{' '}
        <a href={linkTo('overview')}>how to send one</a>.
      </Empty>
    )
  }
  return (
    <>
      <div class="page-head">
        <label class="field">
          Find
          <input
            type="search"
            data-search
            value={filter.value}
            onInput={({ currentTarget }) => (filter.value = currentTarget.value)}
          />
        </label>
        <span class="quiet">{counted(shown.length, 'channel')}</span>
        {ordered.isOld && (
          <button type="button" class="button is-small" onClick={ordered.sort}>
            Sort again
          </button>
        )}
      </div>
      <section class="card">
        {shown.length === 0 && <Empty>No channel here has “{filter.value}” in its name.</Empty>}
        {shown.length > 0 && (
          <DataTable
            caption="Channels with their rates, what waits and what was lost"
            columns={COLUMNS}
            rows={shown}
            keyOf={({ name }) => name}
          />
        )}
      </section>
      {others !== null && <Others others={others} />}
    </>
  )
}

function Others({ others }: { others: NonNullable<ChannelTable['others']> }) {
  return (
    <p class="quiet">
      And {counted(others.count, 'channel')} with lower rates, together <Rate value={others.in} />{' '}
      in, <Rate value={others.out} /> out, <Count value={others.waiting} /> waiting,{' '}
      <Count value={others.lost} /> lost.
    </p>
  )
}
