/** The connector's channels as the API of AWS IoT Analytics asks for them. */
import type {
  ChannelData,
  ChannelFacts,
  SampledMessages,
} from '../../analytics/api/contracts/channel-data.ts'
import type { ChannelSet } from '../../channels/channel-set.ts'
import type { ChannelLog, LogFault } from '../../channels/log/channel-log.ts'
import { ConnectorError } from '../../errors.ts'
import type { Message } from '../../message.ts'

/** More payload than any number of messages that is asked for. */
const MAX_BYTES = 16 * 1024 * 1024
/** Of a channel that can't be read now. */
const NO_ARRIVALS = { firstArrival: undefined, lastArrival: undefined }

export class StoredChannelData implements ChannelData {
  readonly #channels: ChannelSet

  constructor(channels: ChannelSet) {
    this.#channels = channels
  }

  names(): readonly string[] {
    const setAside = this.#channels.faults.map(({ channel }) => channel)
    return [...new Set([...[...this.#channels].map(({ name }) => name), ...setAside])]
  }

  async facts(channel: string): Promise<ChannelFacts | undefined> {
    const log = this.#channels.get(channel)?.log
    if (log === undefined) return this.#fault(channel) && { bytes: 0, ...NO_ARRIVALS }
    return { bytes: log.bytes, ...(await arrivals(log).catch(() => NO_ARRIVALS)) }
  }

  async sample(channel: string, asked: SampledMessages): Promise<readonly Buffer[]> {
    const log = this.#logOf(channel)
    if (log === undefined) return []
    const { from, until, maxMessages } = asked
    const start = Math.max(await log.offsetAt(from), log.start)
    const end = Number.isFinite(until) ? await log.offsetAt(until) : log.committed
    const messages = await newestOf(log, start, end, maxMessages)
    return messages.map(({ payload }) => payload)
  }

  /** Undefined if there is no such channel. @throws {ConnectorError} StorageFailed */
  #logOf(channel: string): ChannelLog | undefined {
    const log = this.#channels.get(channel)?.log
    const fault = log === undefined ? this.#fault(channel) : undefined
    if (fault !== undefined) throw new ConnectorError('StorageFailed', fault.refusal.message)
    return log
  }

  /** Why the channel can't be read. */
  #fault(name: string): LogFault | undefined {
    return this.#channels.faults.find(({ channel }) => channel === name)
  }
}

async function arrivals(log: ChannelLog): Promise<Omit<ChannelFacts, 'bytes'>> {
  const [first] = await log.read(log.start, 1, 1)
  const [last] = await newestOf(log, log.start, log.committed, 1)
  return { firstArrival: first?.receivedAt, lastArrival: last?.receivedAt }
}

/** The last messages in [start, end). Where some are damaged, there may be fewer. */
async function newestOf(
  log: ChannelLog,
  start: number,
  end: number,
  count: number,
): Promise<readonly Message[]> {
  const from = Math.max(start, end - count)
  if (from >= end) return []
  const messages = await log.read(from, count, MAX_BYTES)
  return messages.filter(({ offset }) => offset < end)
}
