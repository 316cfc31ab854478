/**
 * The certificates of connections to the endpoint. The files are read for each connection, so
 * renewed certificates are used; unchanged files are not parsed again.
 */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { asConnectorError, ConnectorError, fileReasonOf, tlsReasonOf } from '../../../errors.ts'

export interface TlsSettings {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly keyPassphraseFile?: string | undefined
  readonly servername?: string | undefined
}

const PLACE = 'destinations.iotAnalytics.tls'
const FILES = ['ca', 'cert', 'key', 'keyPassphraseFile'] as const

export class TlsFiles {
  readonly #settings: TlsSettings
  #contents: readonly (Buffer | undefined)[] = []
  #context: SecureContext | undefined

  constructor(settings: TlsSettings) {
    this.#settings = settings
  }

  /** @throws {ConnectorError} InvalidConfiguration if a file can't be read or used */
  async context(): Promise<SecureContext> {
    const contents = await Promise.all(FILES.map((setting) => this.#read(setting)))
    if (this.#context === undefined || !isSame(contents, this.#contents)) {
      this.#context = this.#make(contents)
      this.#contents = contents
    }
    return this.#context
  }

  /** Every problem of the files, each in an error of its own. */
  async problems(): Promise<ConnectorError[]> {
    const reads = await Promise.allSettled(FILES.map((setting) => this.#read(setting)))
    const unread = reads.filter((read) => read.status === 'rejected')
    if (unread.length > 0) return unread.map(({ reason }) => asInvalid(reason))
    try {
      await this.context()
      return []
    } catch (thrown) {
      return [asInvalid(thrown)]
    }
  }

  async #read(setting: (typeof FILES)[number]): Promise<Buffer | undefined> {
    const path = this.#settings[setting]
    if (path === undefined) return undefined
    try {
      return await readFile(path)
    } catch (thrown) {
      throw invalid(
        `${PLACE}.${setting}: can’t read ${resolve(path)}: ${fileReasonOf(thrown)}`,
        thrown,
      )
    }
  }

  #make([ca, cert, key, passphrase]: readonly (Buffer | undefined)[]): SecureContext {
    // OpenSSL takes a file without any certificate for an empty list.
    if (ca !== undefined && !ca.includes('-----BEGIN')) {
      throw invalid(`${PLACE}.ca: ${this.#settings.ca}: expected certificates in PEM, found none`)
    }
    const options: SecureContextOptions = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(passphrase === undefined
        ? {}
        : { passphrase: passphrase.toString('utf8').replace(/\r?\n$/, '') }),
    }
    try {
      return createSecureContext(options)
    } catch (thrown) {
      const paths = FILES.map((setting) => this.#settings[setting]).filter(Boolean)
      const text = `${PLACE}: ${paths.join(', ')} can’t be used together: ${tlsReasonOf(thrown)}`
      throw invalid(text, thrown)
    }
  }
}

function isSame(some: readonly (Buffer | undefined)[], others: readonly (Buffer | undefined)[]) {
  return some.every((content, at) => {
    const other = others[at]
    return content === undefined ? other === undefined : other?.equals(content) === true
  })
}

function asInvalid(thrown: unknown): ConnectorError {
  return asConnectorError(thrown, 'InvalidConfiguration', PLACE)
}

function invalid(text: string, cause?: unknown): ConnectorError {
  return new ConnectorError('InvalidConfiguration', text, { cause })
}
