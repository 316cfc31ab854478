/**
 * What has to be remembered of a log for one destination that records its position. If the log was
 * restored from a backup, it gives offsets again that the destination knows for other messages. From
 * there on the log is sent under another id:
 *
 *     offsets   ─────────────│─────────────▶
 *               0a1b2c3d     │  5e6f7a8b
 *                          `from`: where the restored log ended
 *
 * Other destinations of the log are not concerned.
 */
import { randomBytes } from 'node:crypto'

export interface LogNote {
  /** Messages below are at the destination. Those from there on are sent under `logId`. */
  readonly renewal?: { readonly from: number; readonly logId: string }
  /**
   * Where the log ended at the first of the starts since which the destination could not be asked for
   * its position. Absent if it was asked.
   */
  readonly endBefore?: number
}

export interface LogNotes {
  find(destination: string, logId: string): LogNote
  /**
   * Resolves when it is durable.
   * @throws {ConnectorError} StorageFailed
   */
  keep(destination: string, logId: string, note: LogNote): Promise<void>
}

export const noLogNotes: LogNotes = { find: () => ({}), keep: async () => undefined }

/** Eight hexadecimal digits, as all logs have. */
export function newLogId(): string {
  return randomBytes(4).toString('hex')
}
