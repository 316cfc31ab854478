/**
 * A file of messages that a pipeline could not process, as lines of JSON. Its name says which
 * messages were processed, and its first line how many of them failed:
 *
 *     pipeline-failures/my_pipeline/0a1b2c3d-0000000000001200-0000000000001500.jsonl
 *     └ root            └ pipeline  └ log id └ first offset   └ the offset after the last
 *
 * A name that begins with a dot belongs to a file that is being written.
 */
import * as z from 'zod'
import { timeText } from '../../../iso-time.ts'
import { MAX_PAYLOAD_BYTES } from '../../../message.ts'
import { cut } from '../../../shown-text.ts'

/** A message that an activity could not process. */
export interface MessageFailure {
  readonly offset: number
  readonly messageId: string
  readonly topic: string
  /** Milliseconds since 1970. */
  readonly arrivedAt: number
  /** The name of the activity. */
  readonly activity: string
  readonly reason: string
  readonly payload: Buffer
}

/** Messages of a log: `first ≤ offset < end`. */
export interface OffsetRange {
  readonly logId: string
  readonly first: number
  readonly end: number
}

export interface FailureLines {
  /** Failures that there was no room for. */
  readonly leftOut: number
  readonly failures: readonly MessageFailure[]
}

const OFFSET_DIGITS = 16
const FILE_NAME = /^([0-9a-f]{8})-([0-9]{16})-([0-9]{16})\.jsonl$/
const MAX_REASON_CHARACTERS = 1_000

const headShape = z.object({ leftOut: z.int().nonnegative() })
const lineShape = z.object({
  offset: z.int().nonnegative(),
  messageId: z.string(),
  topic: z.string(),
  arrivalTime: z.iso.datetime(),
  activity: z.string(),
  reason: z.string(),
  payload: z.base64(),
})

export function failureFileName({ logId, first, end }: OffsetRange): string {
  return `${logId}-${offsetText(first)}-${offsetText(end)}.jsonl`
}

/** Undefined if the name is not that of a finished file. */
export function parseFailureFileName(name: string): OffsetRange | undefined {
  const [, logId, from, to] = FILE_NAME.exec(name) ?? []
  if (logId === undefined) return undefined
  const [first, end] = [Number(from), Number(to)]
  return Number.isSafeInteger(end) && first < end ? { logId, first, end } : undefined
}

/** The failures that fit into `maxBytes`, the first ones first. */
export function failureText(
  { failures, leftOut }: FailureLines,
  maxBytes = Number.POSITIVE_INFINITY,
): Buffer {
  const lines: string[] = []
  let bytes = 0
  for (const failure of failures) {
    const line = `${lineOf(failure)}\n`
    bytes += Buffer.byteLength(line)
    if (bytes > maxBytes) break
    lines.push(line)
  }
  const head = JSON.stringify({ leftOut: leftOut + failures.length - lines.length })
  return Buffer.from(`${head}\n${lines.join('')}`)
}

/** @throws {Error} if the text is not that of such a file */
export function parseFailures(text: string): FailureLines {
  const [head = '', ...lines] = text.split('\n').slice(0, -1)
  const { leftOut } = headShape.parse(JSON.parse(head))
  return { leftOut, failures: lines.map(parseLine) }
}

/** Where a line can't be read, or is of a message that the file's name does not cover. */
export interface DamagedLine {
  readonly position: number
  readonly bytes: number
}

/** Each line by itself, while `parseFailures` gives up at the first one that is damaged. */
export function damagedLines(content: Buffer, { first, end }: OffsetRange): DamagedLine[] {
  const damaged: DamagedLine[] = []
  let position = 0
  do {
    const lineEnd = content.indexOf('\n', position)
    // What has no end was not written as a whole.
    const isWhole = lineEnd !== -1
    const next = isWhole ? lineEnd + 1 : content.length
    const line = content.toString('utf8', position, isWhole ? lineEnd : next)
    const isHead = position === 0
    const isRight = isWhole && (isHead ? isHeadLine(line) : isLineOf(line, first, end))
    if (!isRight) damaged.push({ position, bytes: next - position })
    position = next
  } while (position < content.length)
  return damaged
}

function isHeadLine(line: string): boolean {
  return headShape.safeParse(jsonOf(line)).success
}

function isLineOf(line: string, first: number, end: number): boolean {
  const { data } = lineShape.safeParse(jsonOf(line))
  return data !== undefined && data.offset >= first && data.offset < end
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function lineOf(failure: MessageFailure): string {
  const { offset, messageId, topic, arrivedAt, activity, reason, payload } = failure
  return JSON.stringify({
    offset,
    messageId,
    topic,
    arrivalTime: timeText(arrivedAt),
    activity,
    reason: cut(reason, MAX_REASON_CHARACTERS),
    payload: payload.toString('base64', 0, MAX_PAYLOAD_BYTES),
  })
}

function parseLine(line: string): MessageFailure {
  const { arrivalTime, payload, ...rest } = lineShape.parse(JSON.parse(line))
  return { ...rest, arrivedAt: Date.parse(arrivalTime), payload: Buffer.from(payload, 'base64') }
}

function offsetText(offset: number): string {
  return String(offset).padStart(OFFSET_DIGITS, '0')
}
