/** What DuckDB's errors mean, with the line of the text and a caret below the place. */
import * as z from 'zod'
import { ConnectorError, messageOf } from '../../errors.ts'
import { printable, shown } from '../../shown-text.ts'
import { ATHENA_ADVICE } from './athena-macros.ts'

const MAX_MESSAGE = 2_000
/** Characters of a line that are shown before and after the place. */
const CONTEXT = 60

/** The column that every channel has. */
const ABOUT_OFFSET = 'The column "offset" needs the quotes: without them it is a word of SQL.'

/** An error as DuckDB writes it with `errors_as_json`. */
const report = z.looseObject({
  exception_type: z.string(),
  exception_message: z.string(),
  position: z.string().optional(),
  name: z.string().optional(),
})

/** The error of a job that writes files, with a code that says what to do. */
export function jobErrorOf(thrown: unknown): unknown {
  const found = thrown instanceof ConnectorError ? undefined : reportIn(messageOf(thrown))
  if (found === undefined) return thrown
  const { exception_type: type, exception_message: message } = found
  const text = shown(message, MAX_MESSAGE)
  if (type === 'IO') return new ConnectorError('StorageFailed', text, { cause: thrown })
  if (type !== 'Out of Memory') return new ConnectorError('Unexpected', text, { cause: thrown })
  const advice = 'DuckDB needs more memory for these rows than its process may have'
  return new ConnectorError('AnalyticsUnavailable', `${advice}: ${text}`, { cause: thrown })
}

/** @param sql the text that the positions in the error count from */
export function queryErrorOf(thrown: unknown, sql: string): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown
  const text = messageOf(thrown)
  const found = reportIn(text)
  if (found === undefined) {
    return new ConnectorError('InvalidQuery', shown(text, MAX_MESSAGE), { cause: thrown })
  }
  const { exception_type: type, exception_message: message, name = '', position } = found
  if (type === 'Out of Memory') return outOfMemory(thrown)
  if (type === 'Interrupt' || type === 'INTERRUPT') {
    return new ConnectorError('QueryLimit', 'The query was cancelled.', { cause: thrown })
  }
  const advice = ATHENA_ADVICE[name.toLowerCase()]
  const sentences = message.split('\n').map((line) => shown(line, MAX_MESSAGE))
  if (advice !== undefined) sentences.splice(1, sentences.length, advice)
  if (type === 'Parser' && /[^"]\boffset\b/i.test(sql)) sentences.push(ABOUT_OFFSET)
  const place = position === undefined ? undefined : placeIn(sql, Number(position))
  return new ConnectorError('InvalidQuery', [...sentences, ...(place ?? [])].join('\n'), {
    cause: thrown,
  })
}

/** @param place where in which text, if that is known */
export function invalidQuery(
  message: string,
  place?: { readonly sql: string; readonly position: number | undefined },
): ConnectorError {
  const lines = place?.position === undefined ? [] : (placeIn(place.sql, place.position) ?? [])
  return new ConnectorError('InvalidQuery', [message, ...lines].join('\n'))
}

function outOfMemory(thrown: unknown): ConnectorError {
  return new ConnectorError(
    'QueryLimit',
    'The query needs more memory than analytics.query.memory allows. Select fewer columns or a ' +
      'shorter time, or raise the limit.',
    { cause: thrown },
  )
}

function reportIn(text: string): z.infer<typeof report> | undefined {
  const start = text.indexOf('{"exception_type"')
  if (start === -1) return undefined
  try {
    return report.parse(JSON.parse(text.slice(start)))
  } catch {
    return undefined
  }
}

/** The line with its number, and the caret. `position` counts bytes of UTF-8. */
function placeIn(sql: string, position: number): [line: string, caret: string] | undefined {
  const bytes = Buffer.from(sql)
  if (!(position >= 0 && position <= bytes.length)) return undefined
  const before = bytes.subarray(0, position).toString().split('\n')
  const number = before.length
  const column = before.at(-1)?.length ?? 0
  const line = sql.split('\n')[number - 1] ?? ''
  const from = Math.max(0, column - CONTEXT)
  const heading = `line ${number}: ${from > 0 ? '…' : ''}`
  const shownBefore = printable(line.slice(from, column))
  const shownAfter = printable(line.slice(column, column + CONTEXT))
  const more = line.length > column + CONTEXT ? '…' : ''
  return [
    `${heading}${shownBefore}${shownAfter}${more}`,
    `${' '.repeat(heading.length + shownBefore.length)}^`,
  ]
}
