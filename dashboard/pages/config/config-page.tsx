/** Every setting in effect, and where it was set. */
import { useSignal } from '@preact/signals'
import type { Setting, Settings } from '../../../src/http/api/shapes/settings.ts'
import { getJson } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { counted } from '../../parts/figures.tsx'
import { Empty, Loaded } from '../../parts/notices.tsx'
import { VisibleText } from '../../parts/visible-text.tsx'
import { route, setQuery } from '../../shell/current-route.ts'
import { hasSecret, withWholeLists, yamlOf } from './yaml-text.ts'

const COLUMNS: readonly Column<Setting>[] = [
  {
    name: 'Setting',
    isHeading: true,
    cell: ({ path, description }) => (
      <>
        <code>
          <VisibleText text={path} maxCharacters={256} />
        </code>
        {description !== null && (
          <p class="setting-description quiet">
            <VisibleText text={description} maxCharacters={500} />
          </p>
        )}
      </>
    ),
  },
  { name: 'Value', isWide: true, cell: ({ value }) => <Value value={value} /> },
  {
    name: 'From',
    isWide: true,
    cell: ({ from, isDefault }) => (
      <span class={isDefault ? 'quiet' : ''}>
        <VisibleText text={from} maxCharacters={256} />
      </span>
    ),
  },
]

export function ConfigPage() {
  const settings = useResource('config', (signal) => getJson<Settings>('config', { signal }))
  return (
    <>
      <h1>Config</h1>
      <Loaded resource={settings}>{(value) => <SettingList list={value} />}</Loaded>
    </>
  )
}

function SettingList({ list: { files, settings } }: { list: Settings }) {
  const filter = useSignal('')
  const isAll = route.value.query['all'] === '1'
  const wanted = filter.value.toLowerCase()
  const mayShow = settings.filter((setting) => isAll || !setting.isDefault)
  const shown = mayShow.filter((setting) => textOf(setting).includes(wanted))
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
        <label class="field check">
          <input
            type="checkbox"
            checked={!isAll}
            onChange={() => setQuery({ all: isAll ? '' : '1' })}
          />
          Only what is not default
        </label>
        <span class="quiet">{counted(shown.length, 'setting')}</span>
        <span class="is-last">
          <CopyButton
            text={yamlOf(withWholeLists(shown, mayShow))}
            label="Copy as YAML"
            shown="Copy as YAML"
          />
        </span>
      </div>
      <section class="card">
        {shown.length > 0 && (
          <DataTable
            caption="Settings in effect"
            columns={COLUMNS}
            rows={shown}
            keyOf={({ path }) => path}
          />
        )}
        {shown.length === 0 && <Nothing hasFilter={wanted !== ''} isAll={isAll} />}
      </section>
      <p class="quiet">
        {files.length === 0 ? (
          'No configuration file was read.'
        ) : (
          <>
            Read: <VisibleText text={files.join(', ')} maxCharacters={2_000} />
          </>
        )}
      </p>
    </>
  )
}

function Nothing({ hasFilter, isAll }: { hasFilter: boolean; isAll: boolean }) {
  if (!hasFilter) return <Empty>Everything is as it is by default.</Empty>
  return (
    <Empty>
      No setting is like that{!isAll && ' among those that are not default; others may be'}.
    </Empty>
  )
}

function Value({ value }: { value: unknown }) {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return (
    <code title={hasSecret(value) ? 'A secret, which is not shown' : undefined}>
      <VisibleText text={text ?? '–'} maxCharacters={500} />
    </code>
  )
}

function textOf({ path, value, from }: Setting): string {
  return `${path} ${JSON.stringify(value)} ${from}`.toLowerCase()
}
