/** The editor as a component. Its code is the largest part of the dashboard, so it comes on request. */
import type { Signal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { TableList } from '../../../src/http/api/shapes/query.ts'
import type { Editor } from './editor-view.ts'
import { quotedName } from './quoted-name.ts'

export interface SqlEditorProps {
  readonly sql: Signal<string>
  readonly tables: TableList | undefined
  readonly onRun: () => void
  /** Called with the editor when it is there. */
  readonly onReady: (editor: Editor) => void
}

export function SqlEditor({ sql, tables, onRun, onReady }: SqlEditorProps) {
  const place = useRef<HTMLDivElement>(null)
  const [editor, setEditor] = useState<Editor>()
  const [isMissing, setMissing] = useState(false)
  // The editor keeps the first function it is given; this calls the newest.
  const latest = useRef(onRun)
  latest.current = onRun
  useEffect(() => {
    let made: Editor | undefined
    let isGone = false
    const open = async (): Promise<void> => {
      const { createEditor } = await import('./editor-view.ts')
      if (isGone || place.current === null) return
      made = createEditor({
        place: place.current,
        text: sql.peek(),
        onChange: (text) => {
          sql.value = text
        },
        onRun: () => latest.current(),
      })
      setEditor(made)
      onReady(made)
    }
    open().catch(() => setMissing(true))
    return () => {
      isGone = true
      made?.remove()
    }
  }, [])
  useEffect(() => {
    if (editor === undefined || tables === undefined) return
    editor.setTables(namesOf(tables))
    editor.setExample(exampleOf(tables))
  }, [editor, tables])
  if (isMissing) return <PlainEditor sql={sql} onRun={onRun} />
  return <div ref={place} class="sql-editor" data-search />
}

/** If the code of the editor cannot be loaded, a query can still be asked. */
function PlainEditor({ sql, onRun }: Pick<SqlEditorProps, 'sql' | 'onRun'>) {
  return (
    <textarea
      class="sql-editor mono"
      data-search
      aria-label="SQL"
      rows={6}
      value={sql.value}
      onInput={({ currentTarget }) => (sql.value = currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onRun()
      }}
    />
  )
}

/** A query that works here, of a table that has something if there is one. */
function exampleOf({ tables }: TableList): string {
  const [first] = tables
  const { name } = tables.find(({ rows }) => rows !== null && rows > 0) ?? first ?? {}
  return name === undefined ? '' : `select * from ${quotedName(name)} limit 100`
}

function namesOf({
  tables,
}: TableList): Record<string, { label: string; detail: string; apply: string }[]> {
  return Object.fromEntries(
    tables.map(({ name, columns }) => [
      name,
      (columns ?? []).map((column) => ({
        label: column.name,
        detail: column.type,
        apply: quotedName(column.name),
      })),
    ]),
  )
}
