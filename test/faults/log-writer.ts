/**
 * Writes to some channels as fast as it can until it is killed, and reports each promise of the
 * store as a line on stdout:
 *
 *     open                             once
 *     committed <channel> <end>        after a commit
 *     releasing <channel> <offset>     before it gives messages up
 *     saved <channel> <position>       after the commit that wrote the reader's position down
 *
 *     node log-writer.js <directory> <number of channels>
 */
import type { ChannelLog } from '../../src/channels/log/channel-log.ts'
import { channelNames, fillDraft } from './expected-messages.ts'
import { areMany, smallStore } from './small-store.ts'

/**
 * How many messages each reader leaves unread: one is quick, one slow, and one hardly ever reads.
 */
const BACKLOGS = [20, 500, 1_200]
const MANY_CHANNELS_BACKLOG = 12
/** How many channels have messages in one commit, at most. */
const CHANNELS_PER_COMMIT = 20

const count = Number(process.argv[3] ?? 3)
const names = channelNames(count)
const store = smallStore({ directory: process.argv[2] ?? '', channels: count })
const found = new Map((await store.open()).map((log) => [log.channel, log]))
process.stdout.write('open\n')
const logs = names.map((name) => found.get(name) ?? store.create(name))
/** The readers' positions, as noted for the next commit. */
const noted = new Map<ChannelLog, number>()
const draft = {
  receivedAt: 0,
  topic: '',
  id: undefined,
  text: undefined,
  bytes: Buffer.alloc(0),
  start: 0,
  end: 0,
  reply: undefined,
}
try {
  for (;;) await commitSome()
} catch (error) {
  // Not the error itself, which carries all messages that were not stored.
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}

async function commitSome(): Promise<void> {
  appendSome()
  const saving = [...noted]
  noted.clear()
  const ends = new Map(logs.map((log) => [log, log.end]))
  const committing = store.commit()
  // Messages that come meanwhile belong to the next commit.
  if (Math.random() < 0.5) appendSome()
  await committing
  const lines = [...ends].map(([log, end]) => `committed ${log.channel} ${end}\n`)
  for (const [log, position] of saving) lines.push(`saved ${log.channel} ${position}\n`)
  process.stdout.write(lines.join(''))
  for (const log of logs) if (Math.random() < 0.1) giveUp(log)
}

function appendSome(): void {
  const first = Math.floor(Math.random() * logs.length)
  const chosen = Math.min(logs.length, CHANNELS_PER_COMMIT)
  for (let index = 0; index < chosen; index++) {
    const log = logs[(first + index) % logs.length]
    if (log !== undefined) append(log, Math.random() * (areMany(count) ? 3 : 20))
  }
}

function append(log: ChannelLog, messages: number): void {
  for (let left = Math.floor(messages); left >= 0; left--) {
    fillDraft(draft, log.channel, log.end)
    log.append(draft)
  }
}

function giveUp(log: ChannelLog): void {
  const backlog = areMany(count) ? MANY_CHANNELS_BACKLOG : (BACKLOGS[logs.indexOf(log)] ?? 0)
  const position = Math.max(log.start, log.committed - backlog)
  process.stdout.write(`releasing ${log.channel} ${position}\n`)
  const cursor = { position, settled: [], delivered: position, rejected: 0, dropped: {} }
  log.noteState({ version: 1, cursors: { primary: cursor }, refused: {} }, position)
  noted.set(log, position)
}
