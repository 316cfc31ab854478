/**
 * The subscriptions of all sessions, as a tree with one node per level of the filters: matching a
 * topic takes as many steps as it has levels, however many filters there are. The result is cached
 * on the topic until any subscription changes.
 *
 *     sensors/+/temp, sensors/#        sensors ─┬─ + ── temp: [A]
 *                                               └─ #: [B]
 */

import { higherQos, type Qos } from '../packets/protocol.ts'
import type { SubscriptionOptions } from '../packets/subscribe-packet.ts'
import { isSystemTopic, parseSharedFilter } from '../packets/topic.ts'
import type { Publication } from './publication.ts'

/** Receives messages: a session. */
export interface Subscriber {
  readonly isOnline: boolean
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
}

export interface SharedGroup {
  readonly members: Map<Subscriber, SubscriptionOptions>
  /** The place of the member that is next. */
  next: number
}

interface Level {
  readonly children: Map<string, Level>
  readonly subscriptions: Map<Subscriber, SubscriptionOptions>
  readonly groups: Map<string, SharedGroup>
}

/** The fields of a cached topic that `Subscriptions` keeps up to date. */
interface AudienceCache {
  readonly name: string
  audience: Audience | undefined
  audienceVersion: number
}

const NOBODY: Audience = Object.freeze({ recipients: [], groups: [] })
const NO_IDENTIFIERS: readonly number[] = []

export class Subscriptions {
  readonly #root: Level = newLevel()
  /** Changes with every subscription, which makes cached audiences stale. */
  #version = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  /** `filter` is valid, with or without `$share/<group>/`. Returns whether it is new. */
  add(subscriber: Subscriber, filter: string, options: SubscriptionOptions): boolean {
    const shared = filter.startsWith('$share/') ? parseSharedFilter(filter) : undefined
    let level = this.#root
    for (const name of (shared?.filter ?? filter).split('/')) {
      let child = level.children.get(name)
      if (child === undefined) {
        child = newLevel()
        level.children.set(name, child)
      }
      level = child
    }
    const members =
      shared === undefined ? level.subscriptions : groupOf(level, shared.group).members
    const isNew = !members.has(subscriber)
    members.set(subscriber, options)
    this.#version++
    if (isNew) this.#count++
    return isNew
  }

  remove(subscriber: Subscriber, filter: string): void {
    const shared = filter.startsWith('$share/') ? parseSharedFilter(filter) : undefined
    const names = (shared?.filter ?? filter).split('/')
    if (!removeBelow(this.#root, names, 0, subscriber, shared?.group)) return
    this.#version++
    this.#count--
  }

  audienceOf(topic: AudienceCache): Audience {
    if (this.#count === 0) return NOBODY
    if (topic.audienceVersion === this.#version && topic.audience !== undefined) {
      return topic.audience
    }
    topic.audience = this.#find(topic.name)
    topic.audienceVersion = this.#version
    return topic.audience
  }

  #find(topic: string): Audience {
    const found: Level[] = []
    collect(this.#root, topic.split('/'), 0, isSystemTopic(topic), found)
    if (found.length === 0) return NOBODY
    const merged = new Map<Subscriber, Recipient>()
    const groups: SharedGroup[] = []
    for (const level of found) {
      for (const [subscriber, options] of level.subscriptions) {
        merged.set(subscriber, merge(merged.get(subscriber), recipientOf(subscriber, options)))
      }
      groups.push(...level.groups.values())
    }
    return { recipients: [...merged.values()], groups }
  }
}

/** The next member, with members that are online first. Undefined for an empty group. */
export function nextMember(group: SharedGroup): Recipient | undefined {
  const members = [...group.members]
  for (const mustBeOnline of [true, false]) {
    for (let i = 0; i < members.length; i++) {
      const place = (group.next + i) % members.length
      const member = members[place]
      if (member === undefined || (mustBeOnline && !member[0].isOnline)) continue
      group.next = place + 1
      return recipientOf(member[0], member[1])
    }
  }
  return undefined
}

export function recipientOf(subscriber: Subscriber, options: SubscriptionOptions): Recipient {
  const { qos, noLocal, retainAsPublished, identifier } = options
  const identifiers = identifier === undefined ? NO_IDENTIFIERS : [identifier]
  return { subscriber, qos, noLocal, retainAsPublished, identifiers }
}

function merge(one: Recipient | undefined, other: Recipient): Recipient {
  if (one === undefined) return other
  return {
    subscriber: one.subscriber,
    qos: higherQos(one.qos, other.qos),
    noLocal: one.noLocal && other.noLocal,
    retainAsPublished: one.retainAsPublished || other.retainAsPublished,
    identifiers: [...one.identifiers, ...other.identifiers],
  }
}

/**
 * Collects every level whose filter matches. `#` also matches its parent level; a filter that
 * begins with a wildcard matches no `$` topic.
 */
function collect(
  level: Level,
  names: readonly string[],
  depth: number,
  isSystem: boolean,
  found: Level[],
): void {
  const mayBeWild = depth > 0 || !isSystem
  const rest = mayBeWild ? level.children.get('#') : undefined
  if (rest !== undefined) found.push(rest)
  const name = names[depth]
  if (name === undefined) {
    found.push(level)
    return
  }
  const exact = level.children.get(name)
  if (exact !== undefined) collect(exact, names, depth + 1, isSystem, found)
  const any = mayBeWild ? level.children.get('+') : undefined
  if (any !== undefined) collect(any, names, depth + 1, isSystem, found)
}

/** Also removes levels that are left empty, so that past filters take no memory. */
function removeBelow(
  level: Level,
  names: readonly string[],
  depth: number,
  subscriber: Subscriber,
  group: string | undefined,
): boolean {
  const name = names[depth]
  if (name === undefined) return removeFrom(level, subscriber, group)
  const child = level.children.get(name)
  if (child === undefined) return false
  const isRemoved = removeBelow(child, names, depth + 1, subscriber, group)
  if (child.children.size + child.subscriptions.size + child.groups.size === 0) {
    level.children.delete(name)
  }
  return isRemoved
}

function removeFrom(level: Level, subscriber: Subscriber, group: string | undefined): boolean {
  if (group === undefined) return level.subscriptions.delete(subscriber)
  const shared = level.groups.get(group)
  const isRemoved = shared?.members.delete(subscriber) ?? false
  if (shared?.members.size === 0) level.groups.delete(group)
  return isRemoved
}

function groupOf(level: Level, name: string): SharedGroup {
  let group = level.groups.get(name)
  if (group === undefined) {
    group = { members: new Map(), next: 0 }
    level.groups.set(name, group)
  }
  return group
}

function newLevel(): Level {
  return { children: new Map(), subscriptions: new Map(), groups: new Map() }
}
