/**
 * The file of `http.tokens`: one token a line, with its name, rights, time of creation and SHA-256.
 *
 *     grafana view 2026-11-30T08:15:00Z sha256:5f0c81aa…
 *
 * A fast hash is enough: a token has 256 random bits, so nobody can find it by trying. Passwords,
 * which people choose, need a slow one.
 */
import { randomBytes } from 'node:crypto'
import type { Right } from './right.ts'
import { digestOf } from './token.ts'

export interface StoredToken {
  readonly name: string
  /** `operate` includes `view`. */
  readonly right: Right
  /** In ISO 8601. */
  readonly createdAt: string
  readonly digest: Buffer
}

const TOKEN_BYTES = 32
/** Programs that look for secrets in files and logs recognise a token by it. */
const PREFIX = 'iac_'
export const MAX_TOKENS = 256
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const LINE = /^(\S+) (view|operate) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) sha256:([0-9a-f]{64})$/

export const EXPECTED_NAME =
  '1 to 64 letters, digits, dots, underscores and hyphens, a letter or a digit first'

export function isTokenName(name: string): boolean {
  return NAME.test(name)
}

/** A new token, and what is kept of it. */
export function createToken(
  name: string,
  right: Right,
  nowMs: number,
  random: (bytes: number) => Buffer = randomBytes,
): { readonly token: string; readonly stored: StoredToken } {
  const token = `${PREFIX}${random(TOKEN_BYTES).toString('base64url')}`
  const createdAt = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
  return { token, stored: { name, right, createdAt, digest: digestOf(token) } }
}

/** @throws {Error} that names the line */
export function parseTokenFile(text: string): StoredToken[] {
  const tokens = new Map<string, StoredToken>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || line.startsWith('#')) continue
    const token = parsed(line)
    if (token === undefined) {
      throw new Error(
        `line ${index + 1}: expected "<name> <view or operate> <time> sha256:<64 hex digits>", as \`iot-analytics-connector token create\` writes it`,
      )
    }
    if (tokens.has(token.name)) {
      throw new Error(`line ${index + 1}: ${token.name} is there twice; remove one of the lines`)
    }
    tokens.set(token.name, token)
  }
  if (tokens.size > MAX_TOKENS) {
    throw new Error(`${tokens.size} tokens; expected ${MAX_TOKENS} at most`)
  }
  return [...tokens.values()]
}

export function tokenFileText(tokens: readonly StoredToken[]): string {
  const lines = tokens.map(
    ({ name, right, createdAt, digest }) =>
      `${name} ${right} ${createdAt} sha256:${digest.toString('hex')}\n`,
  )
  return `# Tokens of the operator’s API. Made by: iot-analytics-connector token\n${lines.join('')}`
}

function parsed(line: string): StoredToken | undefined {
  const [, name = '', right, createdAt = '', digest = ''] = LINE.exec(line) ?? []
  if (!isTokenName(name)) return undefined
  return {
    name,
    right: right === 'operate' ? 'operate' : 'view',
    createdAt,
    digest: Buffer.from(digest, 'hex'),
  }
}
