/**
 * Leaves only some members of JSON payloads. The text of a member stays as it is, numbers of any
 * length included, so a message that is sent again has the same bytes.
 */

import { type Member, membersOf, textIn } from '../../destinations/rows/json-members.ts'
import { isJson } from '../../destinations/rows/json-scan.ts'
import type { Message } from '../../message.ts'

/** By name: what of the member stays. `true`: all of it. */
interface FieldTree extends Map<string, FieldTree | true> {}

export class FieldSelection {
  readonly #tree: FieldTree

  /** Undefined if payloads stay whole. */
  static of(paths: readonly string[] | undefined): FieldSelection | undefined {
    return paths === undefined ? undefined : new FieldSelection(paths)
  }

  /** @param paths names with dots between them: `motor.temp` */
  private constructor(paths: readonly string[]) {
    this.#tree = treeOf(paths)
  }

  /** A payload that is not a JSON object stays whole. */
  apply(message: Message): Message {
    const { packed } = message
    const bytes = packed?.bytes ?? message.payload
    const start = packed?.payloadStart ?? 0
    const stop = packed?.payloadEnd ?? bytes.length
    const members = isJson(bytes, start, stop) ? membersOf(bytes, start, stop) : undefined
    if (members === undefined) return message
    const { offset, receivedAt, topic, senderId, messageId, reply } = message
    const payload = Buffer.from(selected(bytes, members, this.#tree))
    return { offset, receivedAt, topic, senderId, messageId, reply, payload }
  }
}

function treeOf(paths: readonly string[]): FieldTree {
  const tree: FieldTree = new Map()
  // Shorter ones first: a member that stays whole has no parts.
  for (const path of [...paths].sort((a, b) => a.length - b.length)) {
    const names = path.split('.')
    const last = names.pop() ?? ''
    const place = names.reduce<FieldTree | true>(branchAt, tree)
    if (place !== true && !place.has(last)) place.set(last, true)
  }
  return tree
}

function branchAt(tree: FieldTree | true, name: string): FieldTree | true {
  if (tree === true) return true
  const branch = tree.get(name) ?? new Map()
  tree.set(name, branch)
  return branch
}

function selected(bytes: Buffer, members: readonly Member[], tree: FieldTree): string {
  let text = ''
  for (const { name, value } of members) {
    const branch = tree.get(textIn(bytes, name))
    if (branch === undefined) continue
    const part =
      branch === true
        ? bytes.toString('utf8', value.start, value.stop)
        : partOf(bytes, value, branch)
    if (part === undefined) continue
    if (text !== '') text += ','
    text += `${bytes.toString('utf8', name.start - 1, name.stop + 1)}:${part}`
  }
  return `{${text}}`
}

/** Undefined if the value has no members. */
function partOf(bytes: Buffer, value: Member['value'], tree: FieldTree): string | undefined {
  const members = membersOf(bytes, value.start, value.stop)
  return members === undefined ? undefined : selected(bytes, members, tree)
}
