/**
 * Generates HTTP requests, most of them nearly valid: the paths and queries of the server with wrong
 * values, odd headers and bodies; then bytes are changed. The same seed gives the same requests.
 */
import { Random } from '../random.ts'

type Texts = readonly [string, ...string[]]

const METHODS: Texts = [
  'GET',
  'GET',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'get',
]
const PATHS: Texts = [
  '/',
  ...['/health', '/health/live', '/health/ready', '/metrics', '/ledger', '/api/v1/channels'],
  ...[
    '/api/v1/channels/pumps/messages',
    '/api/v1/channels/%2e%2e/messages',
    '/api/v1/channels//messages',
  ],
  ...[
    '/api/v1/dead-letters',
    '/api/v1/dead-letters/replay',
    '/api/v1/destinations/retry',
    '/api/v1/channels/c/replay',
    '/why/id-1',
    '/why/%00',
    '/why/%ff',
    '/%',
  ],
  ...['/datastores', '/datastores/d', '/pipelines', '/pipelineactivities/run', '/datasets'],
  ...['/datasets/d/content', '/datasets/__proto__/contents', '/tags', '/logging'],
  ...[
    '/why/constructor',
    '/api/v1/channels/__proto__/messages',
    '//',
    '*',
    'http://localhost/health',
  ],
]
const NAMES: Texts = [
  'from',
  ...['limit', 'format', 'channel', 'error', 'since', 'until', '__proto__'],
  ...['maxResults', 'nextToken', 'resourceArn', 'tagKeys', 'versionId', 'startTime'],
]
const VALUES: Texts = [
  '0',
  ...['1', '-1', '1000', '1e9', '99999999999999999999', 'earliest', 'now', 'json', 'text'],
  ...['2026-01-31T12:00:00Z', '%00', '%E0%A4%A', 'x'.repeat(300), '', '[]', 'NaN', '%F0%9F%92%A9'],
]
const HEADERS: Texts = [
  'Host: localhost',
  ...['Host: 127.0.0.1', 'Host: evil.example', 'Host:', 'Connection: close'],
  ...['Origin: http://evil.example', 'Origin: null', 'Content-Type: text/plain'],
  ...['Content-Type: application/json', 'Content-Length: 2', 'Content-Length: -1'],
  ...['Transfer-Encoding: chunked', 'Expect: 100-continue', 'Accept-Encoding: gzip'],
  ...['Authorization: AWS4-HMAC-SHA256 x'],
  ...['Authorization: Bearer x', 'X: \u0001', 'Upgrade: websocket', `X: ${'y'.repeat(2_000)}`],
]
const BODIES: Texts = [
  '',
  ...['{}', '[]', '{"limit":1}', '{"from":-1}', '{"__proto__":{"a":1}}', '{', 'null'],
  ...['{"datastoreName":"d"}', '{"datasetName":"d","actions":[{"queryAction":{"sqlQuery":"x"}}]}'],
  ...['{"pipelineName":"p","pipelineActivities":[{},{}]}', '{"tags":[{"key":"k","value":"v"}]}'],
  ...['{"dryRun":true}', '{"dryRun":"yes"}', '[[[[[[[[[[', '5\r\nhello\r\n0\r\n\r\n'],
]

export class RequestFuzzer {
  readonly #random: Random
  readonly #token: string

  /** Most requests have the token. */
  constructor(seed: number, token: string) {
    this.#random = new Random(seed)
    this.#token = token
  }

  next(): Buffer {
    const body = this.#random.isOneIn(6) ? this.#random.oneOf(BODIES) : ''
    const headers = Array.from({ length: this.#random.below(8) === 0 ? 3 : 0 }, () =>
      this.#random.oneOf(HEADERS),
    )
    if (!this.#random.isOneIn(20)) headers.unshift('Host: localhost')
    if (!this.#random.isOneIn(20)) headers.push(`Authorization: Bearer ${this.#token}`)
    if (body !== '' && !this.#random.isOneIn(6)) {
      headers.push('Content-Type: application/json', `Content-Length: ${body.length}`)
    }
    const version = this.#random.isOneIn(20)
      ? this.#random.oneOf(['HTTP/1.0', 'HTTP/2.0', ''])
      : 'HTTP/1.1'
    const line = `${this.#random.oneOf(METHODS)} ${this.#random.oneOf(PATHS)}${this.#query()} ${version}`
    const bytes = Buffer.from(`${[line, ...headers].join('\r\n')}\r\n\r\n${body}`, 'latin1')
    if (this.#random.isOneIn(20)) bytes[this.#random.below(bytes.length)] = this.#random.below(256)
    return bytes
  }

  #query(): string {
    const pairs = Array.from(
      { length: this.#random.below(4) },
      () => `${this.#random.oneOf(NAMES)}=${this.#random.oneOf(VALUES)}`,
    )
    return pairs.length === 0 ? '' : `?${pairs.join('&')}`
  }
}
