/**
 * Writes to three channels as fast as it can until it is killed, and says on stdout, a line each,
 * what it was promised: `committed <channel> <end>`; before it gives messages up:
 * `releasing <channel> <offset>`; once: `open`.
 */
import type { ChannelLog } from '../../src/channels/channel-log.ts'
import { CHANNELS, fillDraft } from './expected-messages.ts'
import { smallStore } from './small-store.ts'

const store = smallStore(process.argv[2] ?? '')
const found = await store.open()
process.stdout.write('open\n')
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
await Promise.all(
  CHANNELS.map((channel) =>
    write(found.find((log) => log.channel === channel) ?? store.create(channel)),
  ),
)

async function write(log: ChannelLog): Promise<void> {
  for (;;) {
    for (let count = Math.floor(Math.random() * 20); count >= 0; count--) {
      fillDraft(draft, log.channel, log.end)
      log.append(draft)
    }
    await log.commit()
    process.stdout.write(`committed ${log.channel} ${log.committed}\n`)
    if (Math.random() < 0.1) await giveUp(log)
  }
}

async function giveUp(log: ChannelLog): Promise<void> {
  const position = Math.max(log.start, log.committed - 500)
  process.stdout.write(`releasing ${log.channel} ${position}\n`)
  const cursor = { position, settled: [], delivered: position, rejected: 0, dropped: {} }
  await log.saveState({ version: 1, cursors: { primary: cursor }, refused: {} })
  process.stdout.write(`saved ${log.channel} ${position}\n`)
  log.release(position)
}
