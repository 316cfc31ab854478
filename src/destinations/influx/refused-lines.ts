/**
 * What servers say of lines that they can't store. InfluxDB 3 and QuestDB name them by number. The
 * others do not, so that the batch has to be divided.
 */
import { isPage } from '../posting/answer-kind.ts'

export interface RefusedLine {
  /** From 0. */
  readonly line: number
  readonly reason: string
}

/** What is needed of an answer. */
interface Answer {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: string
}

const MAX_REASON_CHARACTERS = 1_000
const UNEXPLAINED = 'the server gave no reason'

/** The lines that the answer names, each once; none if it names no line. */
export function refusedLines({ body }: Answer, lineCount: number): RefusedLine[] {
  const parsed = objectIn(body)
  const entries = Array.isArray(parsed['data']) ? parsed['data'] : [parsed['data'], parsed]
  const found = new Map<number, RefusedLine>()
  for (const entry of entries) {
    if (typeof entry !== 'object' || entry === null) continue
    const { line_number, line, error_message, message } = entry as Record<string, unknown>
    const number = Number(line_number ?? line ?? Number.NaN)
    if (!Number.isInteger(number) || number < 1 || number > lineCount) continue
    const reason = String(error_message ?? message ?? UNEXPLAINED).slice(0, MAX_REASON_CHARACTERS)
    found.set(number - 1, { line: number - 1, reason })
  }
  return [...found.values()]
}

/** Whether the server has dropped all of the lines, so that there is no need to look for them. */
export function areAllRefused({ body }: Answer, lineCount: number): boolean {
  const dropped = /\bpartial write\b.*\bdropped=(\d+)/s.exec(body)?.[1]
  return dropped !== undefined && Number(dropped) === lineCount
}

/** Limits of a server that an operator can raise: no fault of the message. */
const LIMITS = /\bmax-(series-per-database|values-per-tag)\b/
/** What is wrong with the request, and not with its lines. */
const ABOUT_SETTINGS =
  /please provide|\b(org(id|anization)?|bucket|database|db|precision)\b[^"]*\b(required|not found|invalid|missing)\b/i
const ABOUT_LINES = /partial write|unable to parse|line protocol/i

/** Whether the answer is about the settings or a limit, so that the messages must be kept. */
export function isAboutServer({ body }: Answer): boolean {
  return LIMITS.test(body) || (!ABOUT_LINES.test(body) && ABOUT_SETTINGS.test(body))
}

/** A page for people, with a status that says all is well: a login page, for example. */
export function isForeign(answer: Answer): boolean {
  return answer.body !== '' && isPage(answer)
}

function objectIn(json: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(json)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
