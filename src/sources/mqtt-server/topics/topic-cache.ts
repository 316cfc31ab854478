/**
 * Maps the bytes of a topic to everything known about it: its text, its route and its subscribers.
 *
 * It is a two-way set-associative table keyed by the bytes themselves: a topic seen before costs a
 * hash and a comparison, and allocates nothing. The number of places is fixed: a new topic replaces
 * the older one of the two in its set. A topic longer than the specification allows is not kept.
 *
 *     set = hash(bytes) ──▶ [ latest │ one before ]
 */

import { MAX_TOPIC_BYTES } from '../../../message.ts'
import { cut } from '../../../shown-text.ts'
import { isTopicName } from '../../../topics.ts'
import type { Intake, Route } from '../../source.ts'
import { ownBytes, readText } from '../packets/packet-reader.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import type { Audience } from './subscriptions.ts'

export interface Topic {
  readonly name: string
  readonly bytes: Buffer
  /** Undefined if the connector takes no messages from it: they only go to subscribers. */
  readonly route: Route | undefined
  /** Only the connector itself may publish to it. */
  readonly isProtected: boolean
  /** Why no message may be published to it; undefined for most topics. */
  readonly fault: string | undefined
  /** The subscribers at `audienceVersion` of the subscriptions. */
  audience: Audience | undefined
  audienceVersion: number
}

const NO_BYTES = Buffer.alloc(0)
const SETS = 2_048
const MAX_NAMES = 1_024
const SHOWN_CHARACTERS = 64

export class TopicCache {
  readonly #intake: Pick<Intake, 'route'>
  readonly #protectedTopics: ReadonlySet<string>
  readonly #maxLevels: number
  readonly #places: (Topic | undefined)[] = new Array(2 * SETS).fill(undefined)
  /** Topics given as text, such as those the server publishes to. Cleared when full. */
  readonly #byName = new Map<string, Topic>()

  constructor(
    intake: Pick<Intake, 'route'>,
    protectedTopics: readonly string[],
    maxLevels = Number.POSITIVE_INFINITY,
  ) {
    this.#intake = intake
    this.#maxLevels = maxLevels
    this.#protectedTopics = new Set(protectedTopics)
  }

  /** Throws ProtocolViolation if the characters of the topic are not allowed in a topic name. */
  find(bytes: Buffer, start: number, end: number): Topic {
    if (end - start > MAX_TOPIC_BYTES) return this.#describe(readText(bytes, start, end))
    const place = 2 * (hash(bytes, start, end) & (SETS - 1))
    const latest = this.#places[place]
    if (latest !== undefined && equals(latest.bytes, bytes, start, end)) return latest
    const before = this.#places[place + 1]
    if (before !== undefined && equals(before.bytes, bytes, start, end)) return before

    const topic = this.#describe(readText(bytes, start, end))
    this.#places[place + 1] = latest
    this.#places[place] = topic
    return topic
  }

  /** Throws like `find`. */
  named(name: string): Topic {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const topic = this.#describe(name)
    if (topic.bytes.length > MAX_TOPIC_BYTES) return topic
    if (this.#byName.size >= MAX_NAMES) this.#byName.clear()
    this.#byName.set(name, topic)
    return topic
  }

  #describe(name: string): Topic {
    if (!isTopicName(name)) {
      throw new ProtocolViolation('topic name is empty or has a wildcard')
    }
    const bytes = ownBytes(Buffer.from(name, 'utf8'))
    return {
      name,
      bytes,
      route: this.#intake.route(name),
      isProtected: this.#protectedTopics.has(name) || isReserved(name),
      fault: this.#faultOf(name, bytes.length),
      audience: undefined,
      audienceVersion: -1,
    }
  }

  #faultOf(name: string, bytes: number): string | undefined {
    if (bytes > MAX_TOPIC_BYTES) {
      return `the topic has ${bytes} bytes of UTF-8; at most ${MAX_TOPIC_BYTES} are allowed`
    }
    const levels = levelsIn(name)
    if (levels <= this.#maxLevels) return undefined
    return `the topic has ${levels} levels; at most ${this.#maxLevels} are allowed (limits.maxTopicLevels)`
  }
}

/** The topic as a client may keep it: an alias must not hold a topic of 64 KB. */
export function keptTopic(topic: Topic): Topic {
  if (topic.bytes.length <= MAX_TOPIC_BYTES) return topic
  return { ...topic, name: cut(topic.name, SHOWN_CHARACTERS), bytes: NO_BYTES }
}

function levelsIn(name: string): number {
  let levels = 1
  for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) levels++
  return levels
}

/** Bridges such as mosquitto's publish their state here. */
const BRIDGE_STATE = /^\$SYS\/broker\/connection\/[^/]+\/state$/

/** The server's own topics, and shared filters used as a topic by mistake. */
function isReserved(name: string): boolean {
  return name.startsWith('$share/') || (name.startsWith('$SYS/') && !BRIDGE_STATE.test(name))
}

/** FNV-1a. A client that makes topics collide on purpose only causes one route lookup for each. */
function hash(bytes: Buffer, start: number, end: number): number {
  let value = 0x811c9dc5
  for (let i = start; i < end; i++) value = Math.imul(value ^ (bytes[i] ?? 0), 0x01000193)
  return value ^ (value >>> 16)
}

function equals(known: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const length = end - start
  if (known.length !== length) return false
  for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return false
  return true
}
