/**
 * Things as AWS IoT knows them: DescribeThing of the device registry, or GetThingShadow. Answers are
 * remembered, so that a thing is asked for once in a while and not for each message.
 */
import type { Clock } from '../../../clock.ts'
import { peerAt } from '../../../connection-errors/peer.ts'
import { failureOf } from '../../../destinations/aws/answer.ts'
import { AwsCaller, isFailure } from '../../../destinations/aws/aws-caller.ts'
import { CredentialSource } from '../../../destinations/aws/credentials.ts'
import type { AwsCredentialsOptions } from '../../../destinations/aws/options.ts'
import { SignedRequests } from '../../../destinations/aws/signed-request.ts'
import type { Answer } from '../../../destinations/http-client/http-exchange.ts'
import { HttpSender } from '../../../destinations/http-client/http-sender.ts'
import { ConnectorError, messageOf } from '../../../errors.ts'
import { parseJson } from '../json/exact-json.ts'
import { isJsonObject, type JsonObject } from '../json/json-value.ts'
import { CachedThings } from './cached-things.ts'
import type { ThingDirectory } from './thing-directory.ts'

export interface AwsThingsSettings {
  readonly region: string
  readonly endpoint?: string | undefined
  readonly credentials: AwsCredentialsOptions
  readonly timeout: number
  readonly proxy?: string | undefined
  readonly tls?: ConstructorParameters<typeof HttpSender>[0]['access']['tls']
  /** How long an answer counts, in milliseconds. */
  readonly maxAge: number
}

export interface AwsThingsOptions {
  readonly settings: AwsThingsSettings
  readonly kind: ThingKind
  /** Where the settings are, for errors. */
  readonly place: string
  readonly clock: Clock
  readonly random: () => number
}

export type ThingKind = 'registry' | 'shadows'

/** By kind: the host's name before the Region, the name to sign for, and the end of the path. */
const SERVICES = {
  registry: { host: 'iot', service: 'iot', suffix: '', operation: 'DescribeThing' },
  shadows: {
    host: 'data-ats.iot',
    service: 'iotdata',
    suffix: '/shadow',
    operation: 'GetThingShadow',
  },
} as const
const THING_NAME = /^[a-zA-Z0-9:_-]{1,128}$/
const NOT_FOUND = 'ResourceNotFoundException'
const MAX_THINGS = 10_000
const CONNECTIONS = 10
const MAX_ATTEMPTS = 2
/** While AWS cannot be reached, a lookup in so much time. */
const RETRY_MS = 5_000

interface Found {
  /** Undefined if there is no such thing. */
  readonly facts: JsonObject | undefined
}

export class AwsThings implements ThingDirectory {
  readonly #options: AwsThingsOptions
  readonly #origin: string
  readonly #path: string
  readonly #credentials: CredentialSource
  readonly #requests: SignedRequests
  readonly #http: HttpSender
  readonly #caller: AwsCaller
  readonly #cache: CachedThings
  readonly #signal = new AbortController().signal
  #isOpen = false

  constructor(options: AwsThingsOptions) {
    const { settings, kind, place, clock, random } = options
    const { region, credentials, timeout } = settings
    const { host, service } = SERVICES[kind]
    const url = new URL(settings.endpoint ?? publicEndpointOf(host, region))
    this.#options = options
    this.#origin = url.origin
    this.#path = url.pathname.replace(/\/$/, '')
    this.#credentials = new CredentialSource(credentials, { region, clock })
    this.#requests = new SignedRequests(service, region, url.host)
    this.#http = new HttpSender({
      origin: url.origin,
      access: { place, tls: settings.tls, proxy: settings.proxy },
      timeoutMs: timeout,
      maxConnections: CONNECTIONS,
      clock,
    })
    this.#caller = new AwsCaller({
      http: this.#http,
      credentials: credentials.anonymous ? undefined : this.#credentials,
      maxAttempts: MAX_ATTEMPTS,
      timeoutMs: timeout,
      peer: peerAt('endpoint', `${place}.tls`, `${place}.endpoint`),
      clock,
      random,
    })
    this.#cache = new CachedThings({
      lookUp: (name) => this.#lookUp(name),
      clock,
      freshMs: settings.maxAge,
      retryMs: RETRY_MS,
      maxThings: MAX_THINGS,
      concurrency: CONNECTIONS,
    })
  }

  /** @throws {ConnectorError} ThingsUnavailable */
  find(thingNames: ReadonlySet<string>): Promise<ReadonlyMap<string, JsonObject>> {
    // No other names exist; one from a message must not change the path.
    return this.#cache.find(new Set([...thingNames].filter((name) => THING_NAME.test(name))))
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  async #lookUp(name: string): Promise<JsonObject | undefined> {
    const { operation } = SERVICES[this.#options.kind]
    const doing = () => `${operation} of ${name} at ${this.#origin}`
    try {
      await this.#open()
      const found = await this.#caller.call<Found>({
        makeRequest: (attempt) => this.#requests.write(this.#request(name), attempt),
        read: foundIn,
        signal: this.#signal,
        doing,
      })
      if (!isFailure(found)) return found.facts
      throw new Error(found.message)
    } catch (thrown) {
      const text = `${this.#options.place}: ${doing()}: ${messageOf(thrown)}`
      throw new ConnectorError('ThingsUnavailable', text, { cause: thrown })
    }
  }

  #request(name: string) {
    const { suffix } = SERVICES[this.#options.kind]
    const path = `${this.#path}/things/${encodeURIComponent(name)}${suffix}`
    // All services but S3 sign the path as it is with its percent signs encoded once more.
    return { method: 'GET', path, signedPath: path.replaceAll('%', '%25') } as const
  }

  async #open(): Promise<void> {
    if (this.#isOpen) return
    const { credentials } = this.#options.settings
    await this.#http.check()
    if (!credentials.anonymous) await this.#credentials.open()
    this.#http.open()
    this.#isOpen = true
  }
}

/** Undefined if the answer says neither what is known nor that there is no such thing. */
function foundIn(answer: Answer): Found | undefined {
  if (answer.status === 404 && failureOf(answer, 0).name === NOT_FOUND) return { facts: undefined }
  const facts = answer.status === 200 ? parseJson(Buffer.from(answer.body)) : undefined
  return isJsonObject(facts) ? { facts } : undefined
}

function publicEndpointOf(host: string, region: string): string {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return `https://${host}.${region}.${suffix}`
}
