/** Messages that readers can't get any more, because their bytes are damaged or gone: each is counted and told. */
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
   * What was found when the log was opened and no reader had settled yet, and by reader how many
   * had been in oldest files that are gone, which `CursorPosition.restored` has counted.
   */
  foundAtStart(cursors: readonly Cursor[], gone: ReadonlyMap<string, number>): void {
    const { log, observer } = this.#options
    const most = Math.max(0, ...gone.values())
    if (most > 0) {
      const what = `${most} messages that waited are gone with the oldest files: the log begins at offset ${log.start}.`
      observer.damageFound(log.channel, what)
    }
    for (const [reader, count] of gone) this.report(reader, count)
    for (const { from, to } of log.damaged) {
      const range = { from, to: Math.min(to, log.committed) }
      for (const { reader, position } of cursors) {
        this.report(reader, position.dropAllFree(range, 'DataDamaged', log.committed))
      }
    }
  }

  report(reader: string, count: number): void {
    const { log, observer } = this.#options
    const detail = `the message can't be read for ${reader}: its bytes on disk are damaged or gone`
    for (let i = 0; i < count; i += 1) observer.messageDropped(log.channel, 'DataDamaged', detail)
  }
}
