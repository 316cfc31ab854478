/** What was lost, and what is set. */
import { exactCount } from '../../../src/format/count.ts'
import type { ChannelDetail } from '../../../src/http/api/shapes/channels.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { Empty } from '../../parts/notices.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { linkTo } from '../../route.ts'

export function LossesTab({ name, detail }: { name: string; detail: ChannelDetail }) {
  const { losses, received, delivered } = detail
  const rows = Object.entries(losses).filter(([, count]) => count > 0)
  return (
    <section class="card">
      {rows.length === 0 ? (
        <Empty>Nothing was lost of {exactCount(received)} messages.</Empty>
      ) : (
        <DataTable
          caption="Lost messages by reason"
          columns={[
            {
              name: 'Reason',
              isHeading: true,
              cell: ([code]: [string, number]) => <VisibleText text={code} maxCharacters={128} />,
            },
            { name: 'Messages', isFigure: true, cell: ([, count]) => exactCount(count) },
          ]}
          rows={rows}
          keyOf={([code]) => code}
        />
      )}
      <p class="quiet card-foot">
        Since the data directory was created: {exactCount(received)} received,{' '}
        {exactCount(delivered)} delivered. Rejected messages are in the{' '}
        <a href={linkTo('messages', '', { channel: name })}>dead letters</a>.
      </p>
    </section>
  )
}

export function SettingsTab({ detail: { settings } }: { detail: ChannelDetail }) {
  if (settings.length === 0) return <Empty>No setting concerns this channel alone.</Empty>
  return (
    <section class="card">
      <DataTable
        caption="Settings in effect for this channel"
        columns={[
          { name: 'Setting', isHeading: true, cell: ({ path }) => <code>{path}</code> },
          {
            name: 'Value',
            cell: ({ value }) => (
              <code>
                <VisibleText
                  text={typeof value === 'string' ? value : JSON.stringify(value)}
                  maxCharacters={500}
                />
              </code>
            ),
          },
          { name: 'From', cell: ({ from }) => <VisibleText text={from} maxCharacters={200} /> },
        ]}
        rows={settings}
        keyOf={({ path }) => path}
      />
    </section>
  )
}
