/** The last queries, to run one of them again. */
import { forgetAll, history } from './query-history.ts'

const SHOWN_CHARACTERS = 300

export function QueryHistory({ onChoose }: { onChoose: (sql: string) => void }) {
  const queries = history.value
  if (queries.length === 0) return null
  return (
    <details class="query-history">
      <summary>History</summary>
      <ul>
        {queries.map((sql) => (
          <li key={sql}>
            <button type="button" class="button is-plain mono" onClick={() => onChoose(sql)}>
              {sql.slice(0, SHOWN_CHARACTERS)}
            </button>
          </li>
        ))}
      </ul>
      <p class="quiet">
        Kept in this browser only.{' '}
        <button type="button" class="button is-small" onClick={forgetAll}>
          Forget all
        </button>
      </p>
    </details>
  )
}
