/** The body of a request: a JSON object of plain values, not too deep. */
import { ServiceException } from '../../aws-server/service-answer.ts'

/** More than any correct request has. */
const MAX_DEPTH = 20

/**
 * Members that are null count as not given. Without bytes, no member is given.
 * @throws {ServiceException} InvalidRequestException
 */
export function parseBody(bytes: Buffer): Readonly<Record<string, unknown>> {
  if (bytes.length === 0) return {}
  const value = plainValue(jsonIn(bytes), 0)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw invalid('the body: expected a JSON object')
}

function jsonIn(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw invalid('the body: expected JSON')
  }
}

/** A copy without members that are null. */
function plainValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) throw invalid(`the body: expected at most ${MAX_DEPTH} levels`)
  if (Array.isArray(value)) return value.map((item) => plainValue(item, depth + 1))
  if (Object.hasOwn(value, '__proto__')) {
    throw invalid('the body: expected no member with the name __proto__')
  }
  const entries = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(entries.map(([name, member]) => [name, plainValue(member, depth + 1)]))
}

function invalid(message: string): ServiceException {
  return new ServiceException('InvalidRequestException', message)
}
