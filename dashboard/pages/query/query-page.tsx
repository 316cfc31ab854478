/** SQL on the stored messages: Ctrl-Enter runs, Esc cancels. */
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { TableList } from '../../../src/http/api/shapes/query.ts'
import { getJson } from '../../api/client.ts'
import { useResource } from '../../api/resource.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { Icon } from '../../parts/icon.tsx'
import { linkTo } from '../../route.ts'
import { route, setQuery } from '../../shell/current-route.ts'
import type { Editor } from './editor-view.ts'
import { QueryHistory } from './query-history-list.tsx'
import { ResultView } from './result/result-view.tsx'
import { SqlEditor } from './sql-editor.tsx'
import { Tables } from './tables.tsx'
import { useColumns } from './use-columns.ts'
import { useQuery } from './use-query.ts'

/** Longer ones do not fit into every browser's address. */
const MAX_LINKED = 4_000

export function QueryPage() {
  const sql = useSignal(route.peek().query['sql'] ?? '')
  const editor = useRef<Editor>(undefined)
  const { state, run, cancel } = useQuery()
  const tables = useResource('tables', (signal) =>
    getJson<TableList>('tables?limit=1000', { signal }),
  )
  const { list, describe } = useColumns(tables.value, sql.value)
  const isRunning = state.value.kind === 'running'
  const start = (): void => {
    const text = sql.value.trim()
    if (text === '') return
    setQuery({ sql: text.length > MAX_LINKED ? '' : text })
    run(text)
  }
  const show = (text: string): void => {
    sql.value = text
    editor.current?.setText(text)
    editor.current?.focus()
  }
  return (
    <>
      <h1>Query</h1>
      <div class="query">
        <section class="card query-editor" aria-label="The query">
          <SqlEditor
            sql={sql}
            tables={list}
            onRun={start}
            onReady={(ready) => {
              editor.current = ready
            }}
          />
          <div class="controls">
            <button
              type="button"
              class="button is-main"
              disabled={isRunning || sql.value.trim() === ''}
              onClick={start}
            >
              <Icon name="play" />
              Run
            </button>
            {isRunning && (
              <button type="button" class="button" onClick={cancel}>
                Cancel
              </button>
            )}
            <span class="quiet only-wide">
              <kbd>Ctrl</kbd> <kbd>Enter</kbd> runs, <kbd>Esc</kbd> cancels
            </span>
            <span class="is-last">
              <CopyButton text={linkOf(sql.value)} label="Copy the link" shown="Copy the link" />
            </span>
          </div>
          <QueryHistory onChoose={show} />
        </section>
        <Tables
          tables={{ ...tables, value: list }}
          onOpen={describe}
          onInsert={(text) =>
            editor.current === undefined ? show(`${sql.value}${text}`) : editor.current.insert(text)
          }
        />
      </div>
      <ResultView state={state.value} />
    </>
  )
}

function linkOf(sql: string): string {
  const link = linkTo('query', '', { ...route.peek().query, sql: sql.trim() })
  return new URL(link, location.href).href
}
