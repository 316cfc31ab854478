/**
 * The certificates and keys of one TLS section, for servers and clients alike. The files are read at
 * each call, so renewed certificates are used; unchanged files are not parsed again.
 */
import { createSecureContext, type SecureContext } from 'node:tls'
import { asConnectorError, ConnectorError, tlsReasonOf } from '../errors.ts'
import { readNamedFile } from './named-file.ts'

/** Paths of PEM files, by the name of their setting. */
export interface TlsFileNames {
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly keyPassphraseFile?: string | undefined
  readonly ca?: string | undefined
  readonly crl?: string | undefined
}

export interface TlsFilesOptions {
  /** The section of the settings, such as `http.tls`. */
  readonly place: string
  /** How errors name one of its settings. Default: with a dot after the section. */
  readonly nameOf?: (setting: string) => string
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined
}

/** What the files say, as Node's functions take it. */
export interface TlsContents {
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly passphrase?: string
  readonly ca?: Buffer
  readonly crl?: Buffer
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
}

const SETTINGS = ['cert', 'key', 'keyPassphraseFile', 'ca', 'crl'] as const

type Contents = readonly (Buffer | undefined)[]

export class TlsFiles {
  readonly #names: TlsFileNames
  readonly #options: TlsFilesOptions
  #seen: Contents = []
  #read: { readonly options: TlsContents; readonly context: SecureContext } | undefined

  constructor(names: TlsFileNames, options: TlsFilesOptions) {
    this.#names = names
    this.#options = options
  }

  /** @throws {ConnectorError} InvalidConfiguration if a file can't be read or used */
  async context(): Promise<SecureContext> {
    return (await this.#current()).context
  }

  /** @throws {ConnectorError} InvalidConfiguration if a file can't be read or used */
  async contents(): Promise<TlsContents> {
    return (await this.#current()).options
  }

  /** Every problem of the files, each in an error of its own. */
  async problems(): Promise<ConnectorError[]> {
    const reads = await Promise.allSettled(SETTINGS.map((setting) => this.#contentOf(setting)))
    const unread = reads.filter((read) => read.status === 'rejected')
    if (unread.length > 0) return unread.map(({ reason }) => this.#asInvalid(reason))
    try {
      // Whether they fit together shows only when all of them are there.
      await this.#current()
      return []
    } catch (thrown) {
      return [this.#asInvalid(thrown)]
    }
  }

  async #current() {
    const contents = await Promise.all(SETTINGS.map((setting) => this.#contentOf(setting)))
    if (this.#read === undefined || !isSame(contents, this.#seen)) {
      this.#read = this.#parse(contents)
      this.#seen = contents
    }
    return this.#read
  }

  async #contentOf(setting: (typeof SETTINGS)[number]): Promise<Buffer | undefined> {
    const path = this.#names[setting]
    return path === undefined ? undefined : await readNamedFile(path, this.#settingOf(setting))
  }

  #parse([cert, key, passphrase, ca, crl]: Contents) {
    // OpenSSL takes a file without any certificate for an empty list.
    if (ca !== undefined && !ca.includes('-----BEGIN')) {
      throw invalid(
        `${this.#settingOf('ca')}: ${this.#names.ca}: expected certificates in PEM, found none`,
      )
    }
    const { place, minVersion } = this.#options
    const options: TlsContents = {
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(passphrase !== undefined && { passphrase: withoutLineEnd(passphrase) }),
      ...(ca !== undefined && { ca }),
      ...(crl !== undefined && { crl }),
      ...(minVersion !== undefined && { minVersion }),
    }
    try {
      return { options, context: createSecureContext(options) }
    } catch (thrown) {
      const paths = SETTINGS.map((setting) => this.#names[setting]).filter(Boolean)
      const text = `${place}: ${paths.join(', ')} can’t be used together: ${tlsReasonOf(thrown)}`
      throw invalid(text, thrown)
    }
  }

  #settingOf(setting: (typeof SETTINGS)[number]): string {
    const { place, nameOf } = this.#options
    return nameOf?.(setting) ?? `${place}.${setting}`
  }

  #asInvalid(thrown: unknown): ConnectorError {
    return asConnectorError(thrown, 'InvalidConfiguration', this.#options.place)
  }
}

function isSame(some: Contents, others: Contents): boolean {
  return some.every((content, at) => {
    const other = others[at]
    return content === undefined ? other === undefined : other?.equals(content) === true
  })
}

function withoutLineEnd(text: Buffer): string {
  return text.toString('utf8').replace(/\r?\n$/, '')
}

function invalid(text: string, cause?: unknown): ConnectorError {
  return new ConnectorError('InvalidConfiguration', text, { cause })
}
