/** Spans as OTLP's JSON has them. Times are milliseconds since 1970. */

export type Attributes = Readonly<Record<string, string | number>>

export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly isRequest: boolean
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Attributes
  /** Why it failed. */
  readonly error?: string
}

const KIND_INTERNAL = 1
const KIND_CLIENT = 3
const STATUS_ERROR = 2

/** The body of one request. */
export function exportRequest(
  spans: readonly Span[],
  resource: Attributes,
  version: string,
): string {
  const scope = { name: 'iot-analytics-connector', version }
  const scopeSpans = [{ scope, spans: spans.map(encoded) }]
  return JSON.stringify({
    resourceSpans: [{ resource: { attributes: keyValues(resource) }, scopeSpans }],
  })
}

function encoded(span: Span): object {
  const { traceId, spanId, parentSpanId, name, isRequest, error } = span
  return {
    traceId,
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    kind: isRequest ? KIND_CLIENT : KIND_INTERNAL,
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.endMs),
    attributes: keyValues(span.attributes),
    ...(error !== undefined && { status: { code: STATUS_ERROR, message: error } }),
  }
}

function keyValues(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }))
}

/** As a text: a number is not exact at this size. */
function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1_000)) * 1_000n)
}
