/**
 * The header fields of every request that come from the settings. Values that are secrets can be in
 * files; these are read again after a while, and when the server does not accept them.
 */
import type { Clock } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import { readNamedSecret } from '../../named-files/named-file.ts'

/** RFC 9110, 5.6.2: a token. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/
/** RFC 9110, 5.5: no control characters, and no white space around it. */
const VALUE = /^[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/
/** For a secret that is replaced while the old one is still accepted. */
const READ_AGAIN_MS = 60_000

/** A value, or the file it is in and the setting that names the file. */
export type HeaderValue =
  | { readonly text: string }
  | { readonly file: string; readonly setting: string }

export interface HeaderField {
  readonly name: string
  readonly value: HeaderValue
  /** What goes around a value that was read. Default: nothing. */
  readonly around?: (value: string) => string
}

export function isFieldName(name: string): boolean {
  return NAME.test(name)
}

export function isFieldValue(value: string): boolean {
  return VALUE.test(value)
}

export class HeaderFields {
  readonly #fields: readonly HeaderField[]
  readonly #clock: Clock
  #text = ''
  #readAt = Number.NEGATIVE_INFINITY

  constructor(fields: readonly HeaderField[], clock: Clock) {
    this.#fields = fields
    this.#clock = clock
  }

  /** @throws {ConnectorError} InvalidConfiguration if a file can't be read or is no header value */
  async read(): Promise<void> {
    const lines = await Promise.all(this.#fields.map(lineOf))
    this.#text = lines.join('')
    this.#readAt = this.#clock.monotonic()
  }

  /** The lines of the fields. Files that can't be read any more leave what was read before. */
  async lines(): Promise<string> {
    const isOld = this.#clock.monotonic() - this.#readAt >= READ_AGAIN_MS
    if (isOld && this.#hasFiles()) await this.read().catch(() => {})
    return this.#text
  }

  /** The server did not accept them. Returns whether the files have others now. */
  async refused(): Promise<boolean> {
    if (!this.#hasFiles()) return false
    const before = this.#text
    await this.read().catch(() => {})
    return this.#text !== before
  }

  #hasFiles(): boolean {
    return this.#fields.some(({ value }) => 'file' in value)
  }
}

async function lineOf({ name, value, around = (text) => text }: HeaderField): Promise<string> {
  const given = 'text' in value ? value.text : await readNamedSecret(value.file, value.setting)
  if ('file' in value && !VALUE.test(given)) {
    throw new ConnectorError(
      'InvalidConfiguration',
      `${value.setting}: expected one line of text in ${value.file}, without control characters or spaces around it`,
    )
  }
  return `${name}: ${around(given)}\r\n`
}
