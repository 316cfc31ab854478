/**
 * Where a batch comes from that one connector sends to another, as a header of its request:
 *
 *     x-connector-origin: connector=edge-1;instance=5f0c2a91;destination=site;log=0a1b2c3d;
 *                         offsets=1000-1041,1043;settled=1000;end=1100;path=edge-0;hops=1
 *
 * `offsets` are those of the messages, in their order. The sender never sends a message below
 * `settled` again, unless it has crashed and lost what became of it; its log ends at `end`. `path`
 * names the connectors that messages of the batch may have passed before. `instance` is a number
 * that the sender draws at each start.
 *
 * A second header has the topics, if they are not the one that stands for a channel:
 *
 *     x-connector-topics: plant/press%201,plant/press%202;0*40,1,0*59
 *                         └─ each once ────────────────┘ └─ which one, and how many in a row
 */

export const ORIGIN_HEADER = 'x-connector-origin'
export const TOPICS_HEADER = 'x-connector-topics'

/** So that the headers of a request have room in what HTTP servers read. */
export const MAX_TOPICS_CHARACTERS = 8_192
/** Of a batch that says where it comes from. BatchPutMessage allows 100. */
export const MAX_CHAIN_MESSAGES = 1_000
const MAX_PATH_CHARACTERS = 3_072
const MAX_ORIGIN_CHARACTERS = 8_192
/** A longer chain is taken for a loop whose path did not fit into the header. */
export const MAX_HOPS = 16

/** `from ≤ x < to` */
export interface OffsetRun {
  readonly from: number
  readonly to: number
}

/** The connectors that messages have passed before this one, and how many one after the other. */
export interface Upstream {
  readonly connectors: readonly string[]
  readonly hops: number
}

export const NO_UPSTREAM: Upstream = { connectors: [], hops: 0 }

export interface Origin {
  readonly connector: string
  readonly instance: string
  /** The name of the destination: two of them may send the same log, and not the same messages. */
  readonly destination: string
  readonly logId: string
  /** Ascending. */
  readonly offsets: readonly OffsetRun[]
  readonly settledBelow: number
  readonly end: number
  readonly upstream: Upstream
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/
const NUMBER = /^\d{1,16}$/
const RUN = /^(\d{1,16})(?:-(\d{1,16}))?$/

export function originText(origin: Origin): string {
  const { connector, instance, destination, logId, offsets, settledBelow, end, upstream } = origin
  let runs = ''
  for (const { from, to } of offsets) {
    if (runs !== '') runs += ','
    runs += to === from + 1 ? `${from}` : `${from}-${to - 1}`
  }
  const names = `connector=${connector};instance=${instance};destination=${destination}`
  const text = `${names};log=${logId};offsets=${runs};settled=${settledBelow};end=${end}`
  if (upstream.connectors.length === 0) return text
  return `${text};path=${pathText(upstream.connectors)};hops=${upstream.hops}`
}

/** As many names as have room. */
function pathText(connectors: readonly string[]): string {
  let text = ''
  for (const connector of connectors) {
    if (text.length + connector.length >= MAX_PATH_CHARACTERS) break
    text += text === '' ? connector : `,${connector}`
  }
  return text
}

/** Undefined if the text is not of the form above. */
export function parseOrigin(text: string): Origin | undefined {
  if (text.length > MAX_ORIGIN_CHARACTERS) return undefined
  const members = new Map<string, string>()
  for (const member of text.split(';')) {
    const equals = member.indexOf('=')
    const name = member.slice(0, equals)
    if (equals < 1 || members.has(name)) return undefined
    members.set(name, member.slice(equals + 1))
  }
  const name = (key: string) => matched(NAME, members.get(key))
  const number = (key: string) => numberOf(members.get(key))
  const connector = name('connector')
  const instance = name('instance')
  const destination = name('destination')
  const logId = name('log')
  const settledBelow = number('settled')
  const end = number('end')
  const offsets = runsOf(members.get('offsets') ?? '')
  const upstream = upstreamOf(members.get('path'), members.get('hops'))
  if (connector === undefined || instance === undefined || destination === undefined) return
  if (logId === undefined || settledBelow === undefined || end === undefined) return
  const first = offsets?.[0]
  const last = offsets?.at(-1)
  if (offsets === undefined || first === undefined || last === undefined) return
  if (upstream === undefined || settledBelow > first.from || last.to > end) return
  return { connector, instance, destination, logId, offsets, settledBelow, end, upstream }
}

function upstreamOf(path: string | undefined, hops: string | undefined): Upstream | undefined {
  if (path === undefined) return NO_UPSTREAM
  const connectors = path.split(',')
  const count = numberOf(hops)
  if (count === undefined || !connectors.every((connector) => NAME.test(connector))) return
  return { connectors, hops: count }
}

function runsOf(text: string): OffsetRun[] | undefined {
  const runs: OffsetRun[] = []
  let least = 0
  for (const part of text.split(',')) {
    const [form, first, last = first] = RUN.exec(part) ?? []
    const from = Number(first)
    const to = Number(last) + 1
    if (form === undefined || from < least || to <= from || !Number.isSafeInteger(to)) return
    runs.push({ from, to })
    least = to
  }
  return runs
}

/** The runs of ascending offsets. */
export function runsOfOffsets(items: readonly { readonly offset: number }[]): OffsetRun[] {
  const runs: OffsetRun[] = []
  let from = items[0]?.offset ?? 0
  let to = from
  for (const { offset } of items) {
    if (offset !== to) {
      runs.push({ from, to })
      from = offset
    }
    to = offset + 1
  }
  if (to > from) runs.push({ from, to })
  return runs
}

/** How many offsets the runs have together. */
export function countOf(runs: readonly OffsetRun[]): number {
  return runs.reduce((sum, { from, to }) => sum + to - from, 0)
}

/** The topic that stands for a channel where a request has no topics. */
export function topicOfChannel(channel: string): string {
  return `iotanalytics/channels/${channel}/messages/binary/put`
}

/**
 * The header of the messages' topics; empty if all have the topic that stands for the channel.
 * Undefined if they don't fit into a header. One topic always does.
 */
export function topicsText(
  channel: string,
  messages: readonly { readonly topic: string }[],
): string | undefined {
  const indexes = new Map<string, number>()
  let names = ''
  let order = ''
  let last = ''
  let count = 0
  const endRun = () => {
    if (count === 0) return
    if (order !== '') order += ','
    order += count === 1 ? `${indexes.get(last)}` : `${indexes.get(last)}*${count}`
  }
  for (const { topic } of messages) {
    if (count > 0 && topic === last) {
      count += 1
      continue
    }
    endRun()
    last = topic
    count = 1
    if (indexes.has(topic)) continue
    names += indexes.size === 0 ? encoded(topic) : `,${encoded(topic)}`
    indexes.set(topic, indexes.size)
  }
  endRun()
  if (indexes.size === 1 && last === topicOfChannel(channel)) return ''
  const text = `${names};${order}`
  return text.length <= MAX_TOPICS_CHARACTERS ? text : undefined
}

/** The topic of each of `count` messages; undefined if the text is not of the form above. */
export function parseTopics(text: string, count: number): string[] | undefined {
  const [names, order, ...others] = text.split(';')
  if (names === undefined || order === undefined || others.length > 0) return undefined
  const known = names.split(',').map(decoded)
  const topics: string[] = []
  for (const part of order.split(',')) {
    const [form, index, times = '1'] = /^(\d{1,3})(?:\*(\d{1,4}))?$/.exec(part) ?? []
    const topic = known[Number(index)]
    if (form === undefined || topic === undefined) return undefined
    for (let i = Number(times); i > 0 && topics.length <= count; i--) topics.push(topic)
  }
  return topics.length === count ? topics : undefined
}

const LONE_SURROGATES = /\p{Cs}/gu
const PLAIN_TOPIC = /^[A-Za-z0-9_.~/-]*$/

function encoded(topic: string): string {
  if (PLAIN_TOPIC.test(topic)) return topic
  return encodeURIComponent(topic.replace(LONE_SURROGATES, '\ufffd')).replace(/%2F/g, '/')
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function matched(form: RegExp, text: string | undefined): string | undefined {
  return text !== undefined && form.test(text) ? text : undefined
}

function numberOf(text: string | undefined): number | undefined {
  const number = NUMBER.test(text ?? '') ? Number(text) : Number.NaN
  return Number.isSafeInteger(number) ? number : undefined
}
