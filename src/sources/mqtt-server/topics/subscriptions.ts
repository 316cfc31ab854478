/**
 * The subscriptions of all sessions, as a tree of their filters. Matching a topic of n levels visits
 * at most 2^(n+1) nodes, however many filters there are: at each level, the one with its name and
 * `+`. The result is cached on the topic until any subscription changes.
 */

import { DEFAULT_LIMITS } from '../limits/limits.ts'
import { SharedBound } from '../limits/shared-bound.ts'
import { WorkMeter } from '../limits/work.ts'
import { higherQos, type Qos } from '../packets/protocol.ts'
import type { SubscriptionOptions } from '../packets/subscribe-packet.ts'
import { isSystemTopic, parseSharedFilter } from '../packets/topic.ts'
import type { Publication } from './publication.ts'
import { MAX_REMEMBERED, RememberedAudiences } from './remembered-audiences.ts'
import { TopicNode } from './topic-tree.ts'

/** Receives messages: a session. */
export interface Subscriber {
  readonly isOnline: boolean
  /** Whether it has to survive the process. */
  readonly isKept: boolean
  deliver(publication: Publication, recipient: Recipient): void
}

/** One subscriber of a topic. If several of its filters match, they are merged [MQTT-3.3.4-2]. */
export interface Recipient {
  readonly subscriber: Subscriber
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly identifiers: readonly number[]
}

export interface Audience {
  readonly recipients: readonly Recipient[]
  /** One member of each group gets the message. */
  readonly groups: readonly SharedGroup[]
  /** What it costs to deliver one message to them. */
  readonly work: number
}

export interface SharedGroup {
  readonly members: Map<Subscriber, SubscriptionOptions>
  /** The members in their order. Undefined after a change. */
  order: readonly Subscriber[] | undefined
  /** The place of the member that is next. */
  next: number
}

/** What belongs to one filter. Most filters have subscribers or groups, not both. */
interface FilterEntry {
  subscriptions: Map<Subscriber, SubscriptionOptions> | undefined
  groups: Map<string, SharedGroup> | undefined
}
type Node = TopicNode<FilterEntry>

/** The fields of a cached topic that `Subscriptions` keeps up to date. */
interface AudienceCache {
  readonly name: string
  audience: Audience | undefined
  audienceVersion: number
}

const NOBODY: Audience = Object.freeze({ recipients: [], groups: [], work: 0 })
/** Subscription identifiers that are encoded for one unit of work. */
const IDENTIFIERS_A_UNIT = 16
/** How much of the bound one client's filters may take while all of it is free. */
const LEVELS_PORTION = 1 / 4
const NO_IDENTIFIERS: readonly number[] = []

export class Subscriptions {
  readonly #work: WorkMeter
  /** The levels of all filters. */
  readonly #levels: SharedBound
  readonly #remembered: RememberedAudiences<Audience>
  readonly #root: Node = new TopicNode()
  /** Changes with every subscription, which makes cached audiences stale. */
  #version = 0
  #count = 0

  constructor(
    work = new WorkMeter(),
    maxLevels = DEFAULT_LIMITS.maxFilterLevelsOfAll,
    maxRemembered = MAX_REMEMBERED,
  ) {
    this.#work = work
    this.#remembered = new RememberedAudiences(maxRemembered)
    this.#levels = new SharedBound(maxLevels, LEVELS_PORTION)
  }

  get count(): number {
    return this.#count
  }

  /** Whether a client whose filters have `held` levels may add `filter`. */
  hasRoomFor(filter: string, held: number): boolean {
    return this.#levels.allows(held, levelsOf(filter))
  }

  /** `filter` is valid, with or without `$share/<group>/`. Returns whether it is new. */
  add(subscriber: Subscriber, filter: string, options: SubscriptionOptions): boolean {
    const { names, group } = partsOf(filter)
    const node = this.#root.add(names)
    node.value ??= { subscriptions: undefined, groups: undefined }
    const isNew =
      group === undefined
        ? addSubscription(node.value, subscriber, options)
        : addMember(node.value, group, subscriber, options)
    this.#changed()
    if (isNew) {
      this.#count++
      this.#levels.take(names.length)
    }
    this.#work.visited(names.length)
    return isNew
  }

  remove(subscriber: Subscriber, filter: string): void {
    const { names, group } = partsOf(filter)
    const node = this.#root.find(names)
    this.#work.visited(names.length)
    if (node?.value === undefined || !removeFrom(node.value, subscriber, group)) return
    const { subscriptions, groups } = node.value
    if (subscriptions === undefined && groups === undefined) {
      node.value = undefined
      this.#root.prune(names)
    }
    this.#changed()
    this.#count--
    this.#levels.release(names.length)
  }

  audienceOf(topic: AudienceCache): Audience {
    if (this.#count === 0) return NOBODY
    if (topic.audienceVersion === this.#version && topic.audience !== undefined) {
      return topic.audience
    }
    const audience = this.#find(topic.name)
    topic.audienceVersion = this.#version
    this.#remembered.remember(topic, audience)
    return audience
  }

  #changed(): void {
    this.#version++
    this.#remembered.forget()
  }

  #find(topic: string): Audience {
    const found: FilterEntry[] = []
    const visited = collect(this.#root, topic.split('/'), 0, isSystemTopic(topic), found)
    this.#work.visited(visited)
    if (found.length === 0) return NOBODY
    const merged = new Map<Subscriber, MergedRecipient>()
    const groups: SharedGroup[] = []
    for (const entry of found) {
      for (const [subscriber, options] of entry.subscriptions ?? []) {
        const recipient = merged.get(subscriber)
        if (recipient === undefined) merged.set(subscriber, newRecipient(subscriber, options))
        else merge(recipient, options)
      }
      for (const group of entry.groups?.values() ?? []) groups.push(group)
      this.#work.visited((entry.subscriptions?.size ?? 0) + (entry.groups?.size ?? 0))
    }
    const recipients = [...merged.values()]
    let identifiers = 0
    for (const recipient of recipients) identifiers += recipient.identifiers.length
    const work = recipients.length + groups.length + identifiers / IDENTIFIERS_A_UNIT
    return { recipients, groups, work }
  }
}

/** The next member, with members that are online first. Undefined for an empty group. */
export function nextMember(group: SharedGroup): Recipient | undefined {
  group.order ??= [...group.members.keys()]
  const { members, order } = group
  for (const mustBeOnline of [true, false]) {
    for (let i = 0; i < order.length; i++) {
      const place = (group.next + i) % order.length
      const member = order[place]
      const options = member && members.get(member)
      if (member === undefined || options === undefined) continue
      if (mustBeOnline && !member.isOnline) continue
      group.next = place + 1
      return recipientOf(member, options)
    }
  }
  return undefined
}

export function recipientOf(subscriber: Subscriber, options: SubscriptionOptions): Recipient {
  const { qos, noLocal, retainAsPublished, identifier } = options
  const identifiers = identifier === undefined ? NO_IDENTIFIERS : [identifier]
  return { subscriber, qos, noLocal, retainAsPublished, identifiers }
}

/** A recipient while its filters are merged. */
interface MergedRecipient extends Recipient {
  qos: Qos
  noLocal: boolean
  retainAsPublished: boolean
  readonly identifiers: number[]
}

function newRecipient(subscriber: Subscriber, options: SubscriptionOptions): MergedRecipient {
  const { qos, noLocal, retainAsPublished, identifier } = options
  const identifiers = identifier === undefined ? [] : [identifier]
  return { subscriber, qos, noLocal, retainAsPublished, identifiers }
}

function merge(into: MergedRecipient, options: SubscriptionOptions): void {
  into.qos = higherQos(into.qos, options.qos)
  into.noLocal &&= options.noLocal
  into.retainAsPublished ||= options.retainAsPublished
  if (options.identifier !== undefined) into.identifiers.push(options.identifier)
}

/**
 * Collects the entry of every filter that matches, and returns the number of nodes visited. `#` also
 * matches its parent level; a filter that begins with a wildcard matches no `$` topic.
 */
function collect(
  node: Node,
  names: readonly string[],
  depth: number,
  isSystem: boolean,
  found: FilterEntry[],
): number {
  const mayBeWild = depth > 0 || !isSystem
  const rest = mayBeWild ? node.child('#')?.value : undefined
  if (rest !== undefined) found.push(rest)
  const name = names[depth]
  if (name === undefined) {
    if (node.value !== undefined) found.push(node.value)
    return 1
  }
  let visited = 1
  const exact = node.child(name)
  if (exact !== undefined) visited += collect(exact, names, depth + 1, isSystem, found)
  const any = mayBeWild ? node.child('+') : undefined
  if (any !== undefined) visited += collect(any, names, depth + 1, isSystem, found)
  return visited
}

/** The levels of a filter, without those of `$share/<group>/`. */
export function levelsOf(filter: string): number {
  return partsOf(filter).names.length
}

function partsOf(filter: string): { names: string[]; group: string | undefined } {
  const shared = filter.startsWith('$share/') ? parseSharedFilter(filter) : undefined
  return { names: (shared?.filter ?? filter).split('/'), group: shared?.group }
}

function addSubscription(
  entry: FilterEntry,
  subscriber: Subscriber,
  options: SubscriptionOptions,
): boolean {
  entry.subscriptions ??= new Map()
  const isNew = !entry.subscriptions.has(subscriber)
  entry.subscriptions.set(subscriber, options)
  return isNew
}

function addMember(
  entry: FilterEntry,
  name: string,
  subscriber: Subscriber,
  options: SubscriptionOptions,
): boolean {
  entry.groups ??= new Map()
  let group = entry.groups.get(name)
  if (group === undefined) {
    group = { members: new Map(), order: undefined, next: 0 }
    entry.groups.set(name, group)
  }
  const isNew = !group.members.has(subscriber)
  group.members.set(subscriber, options)
  if (isNew) group.order = undefined
  return isNew
}

function removeFrom(entry: FilterEntry, subscriber: Subscriber, name: string | undefined): boolean {
  if (name === undefined) {
    const isRemoved = entry.subscriptions?.delete(subscriber) ?? false
    if (entry.subscriptions?.size === 0) entry.subscriptions = undefined
    return isRemoved
  }
  const group = entry.groups?.get(name)
  const isRemoved = group?.members.delete(subscriber) ?? false
  if (group !== undefined) group.order = undefined
  if (group?.members.size === 0) entry.groups?.delete(name)
  if (entry.groups?.size === 0) entry.groups = undefined
  return isRemoved
}
