/** The fields of the last messages, and plots of those that are numbers. */
import type { ChannelDetail, FieldList } from '../../../src/http/api/shapes/channels.ts'
import { getJson } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { Empty, Loaded } from '../../parts/notices.tsx'
import { Plot } from '../../parts/plot.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { route, setQuery } from '../../shell/current-route.ts'
import { numberAt } from './field-value.ts'
import { messagesFrom } from './read-messages.ts'

const REFRESH_MS = 10_000
const PLOTTED_MESSAGES = 1_000
const MAX_LINES = 8

type Field = FieldList['fields'][number]

export function FieldsTab({ path }: { path: string }) {
  const fields = useResource(
    `${path}/fields`,
    (signal) => getJson<FieldList>(`${path}/fields`, { signal }),
    REFRESH_MS,
  )
  const plotted = plottedFields()
  return (
    <>
      {plotted.length > 0 && <FieldPlot path={path} fields={plotted} />}
      <Loaded resource={fields}>{(list) => <FieldTable list={list} plotted={plotted} />}</Loaded>
    </>
  )
}

/** The parameter has one field or several; a comma in a name is written `%2C`. */
function plottedFields(): readonly string[] {
  const { plot = '' } = route.value.query
  return plot === '' ? [] : plot.split(',').map(decodeURIComponent).slice(0, MAX_LINES)
}

function setPlotted(fields: readonly string[]): void {
  setQuery({ plot: fields.map(encodeURIComponent).join(',') })
}

function FieldTable({ list, plotted }: { list: FieldList; plotted: readonly string[] }) {
  if (list.fields.length === 0) {
    return (
      <Empty>
        {list.messages === 0
          ? 'No message is stored here yet; its fields appear with the first one.'
          : `None of the last ${list.messages} messages is a JSON object.`}
      </Empty>
    )
  }
  const toggle = (path: string): void =>
    setPlotted(plotted.includes(path) ? plotted.filter((one) => one !== path) : [...plotted, path])
  return (
    <section class="card">
      <DataTable
        caption={`Fields of the last ${list.messages} messages`}
        columns={[
          {
            name: 'Field',
            isHeading: true,
            cell: ({ path }: Field) => (
              <code>
                <VisibleText text={path} maxCharacters={128} />
              </code>
            ),
          },
          { name: 'Type', cell: ({ types }) => types.join(', ') },
          {
            name: 'In',
            isFigure: true,
            cell: ({ present }) => `${Math.round((100 * present) / Math.max(1, list.messages))} %`,
          },
          { name: 'Smallest', isFigure: true, cell: ({ min }) => min ?? '–' },
          { name: 'Largest', isFigure: true, cell: ({ max }) => max ?? '–' },
          {
            name: 'Examples',
            cell: ({ examples }) => <VisibleText text={examples.join('  ')} maxCharacters={120} />,
          },
          {
            name: 'Plot',
            cell: ({ path, types }) =>
              types.includes('number') && (
                <input
                  type="checkbox"
                  aria-label={`Plot ${path}`}
                  checked={plotted.includes(path)}
                  disabled={!plotted.includes(path) && plotted.length >= MAX_LINES}
                  onChange={() => toggle(path)}
                />
              ),
          },
        ]}
        rows={list.fields}
        keyOf={({ path }) => path}
      />
      <p class="quiet card-foot">Of the last {list.messages} messages.</p>
    </section>
  )
}

function FieldPlot({ path, fields }: { path: string; fields: readonly string[] }) {
  const messages = useResource(
    `${path} last messages`,
    async (signal) => {
      const { endOffset } = await getJson<ChannelDetail>(path, { signal })
      const from = String(Math.max(0, endOffset - PLOTTED_MESSAGES))
      return (await messagesFrom(path, from, PLOTTED_MESSAGES, { signal })).messages
    },
    REFRESH_MS,
  )
  return (
    <Loaded resource={messages}>
      {(list) => (
        <section class="card">
          <Plot
            label={`${fields.join(', ')} in the last messages`}
            times={list.map(({ receivedAt }) => Date.parse(receivedAt) / 1000)}
            series={fields.map((field) => ({
              name: field,
              values: list.map(({ payload }) => numberAt(payload, field)),
            }))}
          />
        </section>
      )}
    </Loaded>
  )
}
