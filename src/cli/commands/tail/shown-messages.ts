/** What `tail` writes: the messages that are selected, no faster than asked for, in their form. */
import type { Clock } from '../../../clock.ts'
import { styleFor } from '../../terminal/style.ts'
import { channelMessages } from './channel-messages.ts'
import { formatted } from './message-form.ts'
import type { MessageReader } from './message-reader.ts'
import { limited } from './rate-limit.ts'
import { type Selection, selects } from './selection.ts'
import type { StoredMessage } from './stored-message.ts'
import type { TailFlags } from './tail-options.ts'

export interface TailContext {
  readonly process: NodeJS.Process
  /** Aborted when the command should end. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Called once if the channel does not exist yet. */
  readonly absent: () => void
  /** Called at the end of a second in which `--rate` left messages out. */
  readonly skipped: (count: number) => void
  /** Called at the end of a search. */
  readonly searched: (found: number, all: number) => void
}

export async function* shownMessages(
  reader: MessageReader,
  flags: TailFlags,
  { process: { stdout, env }, signal, clock, absent, skipped, searched }: TailContext,
): AsyncGenerator<string | Buffer> {
  const { grep, where = [], limit = Number.MAX_SAFE_INTEGER, rate } = flags
  const follows = flags.follow === true
  const isSearch = grep !== undefined || where.length > 0
  const shown = {
    form: flags.json === true ? 'json' : (flags.output ?? 'text'),
    style: styleFor(stdout, env),
    fields: flags.field ?? [],
    grep,
    isTerminal: stdout.isTTY,
  } as const
  const messages = channelMessages(reader, {
    from: flags.from ?? (follows ? 'now' : 'earliest'),
    // The others are not counted, so it is not known how many must be read.
    limit: isSearch || rate !== undefined ? Number.MAX_SAFE_INTEGER : limit,
    follows,
    signal,
    absent,
  })
  const search = new Search(messages, { grep, where })
  const selected = isSearch ? search.found() : messages
  const passed =
    rate === undefined
      ? selected
      : limited(selected, { perSecond: rate, clock, onSkipped: skipped })
  let count = 0
  for await (const message of passed) {
    yield formatted(message, shown)
    count += 1
    if (count === limit) break
  }
  if (isSearch && !follows) searched(count, search.read)
}

class Search {
  /** How many messages were looked at. */
  read = 0
  readonly #messages: AsyncIterable<StoredMessage>
  readonly #selection: Selection

  constructor(messages: AsyncIterable<StoredMessage>, selection: Selection) {
    this.#messages = messages
    this.#selection = selection
  }

  async *found(): AsyncGenerator<StoredMessage> {
    for await (const message of this.#messages) {
      this.read += 1
      if (selects(this.#selection, message)) yield message
    }
  }
}
