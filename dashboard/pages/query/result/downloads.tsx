/** The whole result as a file: the query runs again, and its result is not shown. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { VisibleText } from '../../../parts/visible-text.tsx'
import { resultFile } from '../run-query.ts'

const FORMATS = [
  { format: 'csv', label: 'CSV' },
  { format: 'parquet', label: 'Parquet' },
] as const
type Format = (typeof FORMATS)[number]['format']

export function Downloads({ sql }: { sql: string }) {
  const running = useSignal<Format | undefined>(undefined)
  const failure = useSignal('')
  const abort = useRef<AbortController>(undefined)
  useEffect(() => () => abort.current?.abort(), [])
  const download = async (format: Format): Promise<void> => {
    const own = new AbortController()
    abort.current = own
    failure.value = ''
    running.value = format
    try {
      save(await resultFile(sql, format, own.signal), `query.${format}`)
    } catch (thrown) {
      if (!own.signal.aborted) {
        failure.value = thrown instanceof Error ? thrown.message : String(thrown)
      }
    }
    running.value = undefined
  }
  return (
    <>
      <span class="choices">
        {FORMATS.map(({ format, label }) => (
          <button
            key={format}
            type="button"
            class="button is-small"
            disabled={running.value !== undefined}
            onClick={() => void download(format)}
          >
            {running.value === format ? 'Making the file …' : label}
          </button>
        ))}
        {running.value !== undefined && (
          <button type="button" class="button is-small" onClick={() => abort.current?.abort()}>
            Cancel
          </button>
        )}
      </span>
      {failure.value !== '' && (
        <p class="is-loss" role="alert">
          <VisibleText text={failure.value} hasLines={true} />
        </p>
      )}
    </>
  )
}

function save(file: Blob, name: string): void {
  const address = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // The browser has taken hold of the file by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
