/**
 * The path of an attribute in a message: `device.coord[0]`. A name with other characters stands
 * between back quotes: `` device.`max.temp` ``. Only what the message itself has is found, never
 * what JavaScript's objects inherit.
 */
import { type JsonObject, type JsonValue, memberOf, setMember } from '../json/json-value.ts'
import { ExpressionError } from './expression-error.ts'

/** Names of members and indexes of arrays. */
export type PathSteps = readonly (string | number)[]

export interface AttributePath {
  readonly text: string
  readonly steps: PathSteps
}

export const MAX_PATH_CHARACTERS = 256

const QUOTED_NAME = /`((?:[^`]|``)+)`/y
const PLAIN_NAME = /[^.[\]`]+/y
const INDEX = /\[(\d{1,9})\]/y

/** @throws {ExpressionError} */
export function parseAttributePath(text: string): AttributePath {
  if (text.length > MAX_PATH_CHARACTERS) {
    const problem = `expected at most ${MAX_PATH_CHARACTERS} characters, got ${text.length}`
    throw new ExpressionError(text.slice(0, MAX_PATH_CHARACTERS), MAX_PATH_CHARACTERS, problem)
  }
  const steps: (string | number)[] = []
  let at = 0
  do {
    if (at > 0) at++ // the dot
    at = readName(text, at, steps)
    at = readIndexes(text, at, steps)
  } while (text[at] === '.')
  if (at < text.length) {
    throw new ExpressionError(text, at, `expected a dot, an index such as [0] or the end`)
  }
  return { text, steps }
}

function readName(text: string, at: number, steps: (string | number)[]): number {
  for (const pattern of [QUOTED_NAME, PLAIN_NAME]) {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match === null) continue
    steps.push(match[1]?.replaceAll('``', '`') ?? match[0])
    return pattern.lastIndex
  }
  throw new ExpressionError(text, at, 'expected the name of an attribute')
}

function readIndexes(text: string, from: number, steps: (string | number)[]): number {
  let at = from
  while (text[at] === '[') {
    INDEX.lastIndex = at
    const match = INDEX.exec(text)
    if (match === null) throw new ExpressionError(text, at, 'expected an index such as [0]')
    steps.push(Number(match[1]))
    at = INDEX.lastIndex
  }
  return at
}

/** Undefined if the message has no such attribute. */
export function attributeAt(message: JsonObject, steps: PathSteps): JsonValue | undefined {
  let value: JsonValue | undefined = message
  for (const step of steps) {
    value = stepInto(value, step)
    if (value === undefined) return undefined
  }
  return value
}

function stepInto(value: JsonValue | undefined, step: string | number): JsonValue | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return typeof step === 'number' ? value[step] : undefined
  return typeof step === 'string' ? memberOf(value, step) : undefined
}

/**
 * Sets the attribute, with the objects and arrays around it if they are missing. An array grows by
 * one element at a time, so that an index cannot make a huge one.
 * @returns false if it cannot be set, because the path leads through another kind of value
 */
export function setAttribute(message: JsonObject, steps: PathSteps, value: JsonValue): boolean {
  let holder: JsonValue = message
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] ?? ''
    const isLast = i === steps.length - 1
    const next: JsonValue | undefined = stepInto(holder, step)
    if (!isLast && next !== undefined) {
      holder = next
      continue
    }
    const made: JsonValue = isLast ? value : typeof steps[i + 1] === 'number' ? [] : {}
    if (!setStep(holder, step, made)) return false
    holder = made
  }
  return true
}

function setStep(holder: JsonValue, step: string | number, value: JsonValue): boolean {
  if (typeof holder !== 'object' || holder === null) return false
  if (Array.isArray(holder)) {
    if (typeof step !== 'number' || step > holder.length) return false
    holder[step] = value
    return true
  }
  if (typeof step !== 'string') return false
  setMember(holder, step, value)
  return true
}

/** Removes the attribute if it is there. Elements of an array move up. */
export function removeAttribute(message: JsonObject, steps: PathSteps): void {
  const last = steps.at(-1)
  const holder = steps.length === 1 ? message : attributeAt(message, steps.slice(0, -1))
  if (last === undefined || typeof holder !== 'object' || holder === null) return
  if (!Array.isArray(holder)) {
    if (typeof last === 'string') delete holder[last]
  } else if (typeof last === 'number' && last < holder.length) {
    holder.splice(last, 1)
  }
}
