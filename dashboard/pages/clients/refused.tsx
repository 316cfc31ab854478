/** Clients that were turned away: usually the reason why nothing comes from a device. */
import type { ClientList } from '../../../src/http/api/shapes/clients.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { Count } from '../../parts/figures.tsx'
import { Empty } from '../../parts/notices.tsx'
import { DateTime } from '../../parts/times.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'

type Refusal = ClientList['refused'][number]

export function Refused({ refused }: { refused: readonly Refusal[] }) {
  return (
    <section class="card">
      <h2>Refused lately</h2>
      {refused.length === 0 && <Empty>Nobody was refused since the start.</Empty>}
      {refused.length > 0 && (
        <DataTable
          caption="Clients that were refused, the newest first"
          columns={[
            {
              name: 'Who',
              isHeading: true,
              cell: ({ who }: Refusal) => <VisibleText text={who} maxCharacters={200} />,
            },
            {
              name: 'Why',
              isWide: true,
              cell: ({ reason }) => <VisibleText text={reason} maxCharacters={500} />,
            },
            { name: 'Times', isFigure: true, cell: ({ times }) => <Count value={times} /> },
            { name: 'Last', isFigure: true, cell: ({ at }) => <DateTime at={at} /> },
          ]}
          rows={refused}
          keyOf={({ who, reason }) => `${who}\n${reason}`}
        />
      )}
    </section>
  )
}
