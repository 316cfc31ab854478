/** Parts of log lines that many reports have. */
import type { ConnectorError } from '../../errors.ts'
import type { LogLine } from './repeat-limiter.ts'

/** A line about a problem. */
export function warning(
  event: string,
  message: string,
  fields: Readonly<Record<string, unknown>>,
): LogLine {
  return { level: 'warn', message, fields: { event, ...fields } }
}

/** The fields of an error that an operator needs. */
export function errorFields(error: ConnectorError): { code: string; error: string } {
  return { code: error.code, error: error.message }
}
