/** The keys that requests must be signed with, as their files are now. */
import type { Clock } from '../clock.ts'
import { asConnectorError } from '../errors.ts'
import { FileWatch } from '../named-files/file-watch.ts'
import type { PipelineObserver } from '../observer.ts'
import type { Credentials } from './credential-options.ts'
import { readSecrets, secretFiles } from './secrets.ts'
import { SignatureCheck, type SignedRequest } from './signature-check.ts'

const WATCH_INTERVAL_MS = 1_000

export interface RequestSignaturesOptions {
  /** Without any, requests need no signature. */
  readonly credentials: Credentials
  /** The setting that has them. */
  readonly place: string
  /** Headers that have to be signed if they are there. */
  readonly signedHeaders?: readonly string[]
  /** The part of the connector that reports changed files. */
  readonly name: string
  readonly observer: PipelineObserver
  readonly clock: Clock
}

export class RequestSignatures {
  readonly #options: RequestSignaturesOptions
  readonly #watch: FileWatch
  #check: SignatureCheck | undefined

  constructor(options: RequestSignaturesOptions) {
    this.#options = options
    this.#watch = new FileWatch({
      paths: secretFiles(options.credentials),
      clock: options.clock,
      intervalMs: WATCH_INTERVAL_MS,
      onChange: () => this.reload(),
    })
  }

  /** Whether a signature says who may send, in place of the rules of the port. */
  get areRequired(): boolean {
    return this.#options.credentials.length > 0
  }

  /** @throws {ConnectorError} InvalidConfiguration */
  async start(): Promise<void> {
    await this.#watch.start()
    await this.#read()
  }

  close(): void {
    this.#watch.stop()
  }

  /** Reads the files again. If one is invalid, everything stays as it was. Never rejects. */
  async reload(): Promise<void> {
    const { name, observer, credentials } = this.#options
    if (secretFiles(credentials).length === 0) return
    try {
      await this.#watch.markSeen()
      await this.#read()
      observer.filesReloaded(name, undefined)
    } catch (thrown) {
      const error = asConnectorError(thrown, 'Unexpected', 'reading changed files')
      observer.filesReloaded(name, error)
    }
  }

  /** @throws {ServiceException} if the request has to be signed, and is not */
  check(request: SignedRequest): void {
    this.#check?.check(request, this.#options.clock.now())
  }

  async #read(): Promise<void> {
    if (!this.areRequired) return
    const { credentials, place, signedHeaders = [] } = this.#options
    const secrets = await readSecrets(credentials, place)
    this.#check = new SignatureCheck({ secrets, place, signedHeaders })
  }
}
