/**
 * The last retained message of each topic (section 3.3.1.3). They form a tree by topic level, so
 * that a filter finds its messages without visiting the others. Number and bytes are bounded: a
 * message that would exceed them is passed on, but not retained.
 */
import type { Publication } from './publication.ts'

interface Level {
  readonly children: Map<string, Level>
  message: Publication | undefined
}

export interface RetainedLimits {
  readonly maxRetainedMessages: number
  readonly maxRetainedBytes: number
}

export class RetainedMessages {
  readonly #limits: RetainedLimits
  readonly #root: Level = { children: new Map(), message: undefined }
  #count = 0
  #bytes = 0
  #steps = 0

  constructor(limits: RetainedLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#count
  }

  /** The number of levels that `matching` has visited so far: a measure of its cost. */
  get steps(): number {
    return this.#steps
  }

  /**
   * An empty payload removes the topic's message [MQTT-3.3.1-6]. Returns whether there was room.
   */
  store(message: Publication): boolean {
    const names = message.topic.name.split('/')
    this.#remove(this.#root, names, 0)
    if (message.payloadBytes === 0) return true
    const hasRoom =
      this.#count < this.#limits.maxRetainedMessages &&
      this.#bytes + message.heldBytes <= this.#limits.maxRetainedBytes
    if (!hasRoom) return false

    let level = this.#root
    for (const name of names) {
      let child = level.children.get(name)
      if (child === undefined) {
        child = { children: new Map(), message: undefined }
        level.children.set(name, child)
      }
      level = child
    }
    level.message = message.keep()
    this.#count++
    this.#bytes += message.heldBytes
    return true
  }

  /** The messages that `filter` matches and that have not expired. */
  matching(filter: string, nowMs: number): Publication[] {
    const found: Publication[] = []
    const names = filter.split('/')
    const steps = collect(this.#root, names, 0, true, (message) => {
      if (!message.isExpired(nowMs)) found.push(message)
    })
    this.#steps += steps
    return found
  }

  #remove(level: Level, names: readonly string[], depth: number): void {
    const name = names[depth]
    if (name === undefined) {
      if (level.message === undefined) return
      this.#count--
      this.#bytes -= level.message.heldBytes
      level.message = undefined
      return
    }
    const child = level.children.get(name)
    if (child === undefined) return
    this.#remove(child, names, depth + 1)
    if (child.children.size === 0 && child.message === undefined) level.children.delete(name)
  }
}

/** Returns the number of levels visited. */
function collect(
  level: Level,
  names: readonly string[],
  depth: number,
  isTop: boolean,
  found: (message: Publication) => void,
): number {
  const name = names[depth]
  if (name === undefined || name === '#') {
    if (level.message !== undefined) found(level.message)
  }
  if (name === undefined) return 1
  if (name !== '#' && name !== '+') {
    const child = level.children.get(name)
    return child === undefined ? 1 : 1 + collect(child, names, depth + 1, false, found)
  }
  let steps = 1
  for (const [childName, child] of level.children) {
    // [MQTT-4.7.2-1]
    if (isTop && childName.startsWith('$')) continue
    steps += collect(child, names, name === '#' ? depth : depth + 1, false, found)
  }
  return steps
}
