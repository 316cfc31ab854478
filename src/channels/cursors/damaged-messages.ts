/**
 * Counts and reports messages that can't be read any more, because their bytes are damaged or gone.
 */
import type { PipelineObserver } from '../../observer.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import type { Cursor } from './cursor.ts'

export interface DamagedMessagesOptions {
  readonly log: ChannelLog
  readonly observer: PipelineObserver
}

export class DamagedMessages {
  readonly #options: DamagedMessagesOptions

  constructor(options: DamagedMessagesOptions) {
    this.#options = options
  }

  /**
   * Drops the waiting messages that were found damaged when the log was opened, and reports them.
   * @param missing by cursor, the messages that were in oldest files that are gone. They are only
   *   reported: `CursorPosition.restored` has counted them.
   */
  reportAtStart(cursors: readonly Cursor[], missing: ReadonlyMap<string, number>): void {
    const { log, observer } = this.#options
    const most = Math.max(0, ...missing.values())
    if (most > 0) {
      const what = `${most} waiting messages are gone with the oldest files: the log begins at offset ${log.start}.`
      observer.damageFound(log.channel, what)
    }
    for (const [cursorName, count] of missing) this.report(cursorName, count)
    for (const { from, to } of log.damaged) {
      const range = { from, to: Math.min(to, log.committed) }
      for (const { name, position } of cursors) {
        this.report(name, position.dropAllFree(range, 'DataDamaged', log.committed))
      }
    }
  }

  report(cursorName: string, count: number): void {
    const { log, observer } = this.#options
    const detail = `the message can't be read for ${cursorName}: its bytes on disk are damaged or gone`
    for (let i = 0; i < count; i += 1) observer.messageDropped(log.channel, 'DataDamaged', detail)
  }
}
