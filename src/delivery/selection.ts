/**
 * Which messages a destination gets. What it does not get is settled as `NotSelected`: it is no loss.
 * A message that is sent again is selected again.
 */
import type { Message } from '../message.ts'
import { TopicFilter } from '../topics.ts'

export interface SelectionOptions {
  readonly channels?: NameRules | undefined
  readonly topics?: NameRules | undefined
  readonly sample?: SampleRule | undefined
  /** Paths of the members of JSON payloads that it gets. Default: all. */
  readonly fields?: readonly string[] | undefined
}

/** A name is selected if an `include` matches it, or there is none, and no `exclude` does. */
export interface NameRules {
  readonly include?: readonly string[] | undefined
  readonly exclude?: readonly string[] | undefined
}

/** Of all messages one of `every`, or of each topic at most one per `interval`, in milliseconds. */
export interface SampleRule {
  readonly every?: number | undefined
  readonly interval?: number | undefined
}

/** Topics that are remembered. If there are more, a topic may have more than one per interval. */
const MAX_TOPICS = 10_000

/** Whether the destination gets any message of the channel. In patterns `*` stands for any text. */
export function selectsChannel({ channels }: SelectionOptions, channel: string): boolean {
  return passes(channels, (pattern) => matchesPattern(pattern, channel))
}

export class TopicSelection {
  readonly #include: readonly TopicFilter[] | undefined
  readonly #exclude: readonly TopicFilter[]
  /** Messages of one topic often follow each other. */
  #lastTopic: string | undefined
  #isLastSelected = false

  constructor({ include, exclude = [] }: NameRules = {}) {
    this.#include = include?.map((filter) => new TopicFilter(filter))
    this.#exclude = exclude.map((filter) => new TopicFilter(filter))
  }

  selects(topic: string): boolean {
    if (topic !== this.#lastTopic) {
      this.#lastTopic = topic
      const matches = (filter: TopicFilter) => filter.matches(topic)
      this.#isLastSelected = (this.#include?.some(matches) ?? true) && !this.#exclude.some(matches)
    }
    return this.#isLastSelected
  }
}

/** For the messages of one channel, in the order of their offsets. */
export class Selection {
  readonly #options: SelectionOptions
  readonly #topics: TopicSelection
  /** By topic, the message that was taken last; the topics in the order in which one was taken. */
  readonly #taken = new Map<string, { readonly offset: number; readonly interval: number }>()

  constructor(options: SelectionOptions) {
    this.#options = options
    this.#topics = new TopicSelection(options.topics)
  }

  /** Undefined if it selects every message. */
  static of(options: SelectionOptions): Selection | undefined {
    const { topics, sample } = options
    return topics === undefined && sample === undefined ? undefined : new Selection(options)
  }

  /** The same, and reports those that it leaves out. */
  reporting(leftOut: (message: Message) => void): (message: Message) => boolean {
    return (message) => {
      const isSelected = this.selects(message)
      if (!isSelected) leftOut(message)
      return isSelected
    }
  }

  selects(message: Message): boolean {
    if (!this.#topics.selects(message.topic)) return false
    const { every, interval } = this.#options.sample ?? {}
    if (every !== undefined) return scatter(message.offset) % every === 0
    return interval === undefined || this.#isFirstOf(interval, message)
  }

  #isFirstOf(intervalMs: number, { topic, offset, receivedAt }: Message): boolean {
    const interval = Math.floor(receivedAt / intervalMs)
    const taken = this.#taken.get(topic)
    // An older message is sent again: had it not been taken before, it would be settled.
    if (taken !== undefined && offset < taken.offset) return true
    if (taken?.interval === interval) return taken.offset === offset
    this.#taken.delete(topic)
    this.#taken.set(topic, { offset, interval })
    if (this.#taken.size > MAX_TOPICS) this.#forgetOldest()
    return true
  }

  #forgetOldest(): void {
    for (const topic of this.#taken.keys()) {
      this.#taken.delete(topic)
      return
    }
  }
}

function passes(rules: NameRules | undefined, matches: (pattern: string) => boolean): boolean {
  const { include, exclude = [] } = rules ?? {}
  return (include?.some(matches) ?? true) && !exclude.some(matches)
}

function matchesPattern(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (!name.startsWith(first)) return false
  if (rest.length === 0) return name === pattern
  const last = rest.pop() ?? ''
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}

/**
 * A number that follows from the offset alone, so that devices that take turns are all selected. It is
 * the last step of MurmurHash3.
 */
function scatter(offset: number): number {
  let hash = offset >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
