/** Opens the connection when it is needed, with the credentials of the settings. */
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import type { Authenticator, NodeConnectionOptions } from '@nats-io/transport-node'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import { readNamedFile, readNamedSecret } from '../../named-files/named-file.ts'
import { TlsFiles } from '../../named-files/tls-files.ts'
import { loadPackage } from '../optional-package.ts'
import { NatsLink } from './connection.ts'
import type { NatsOptions } from './options.ts'

type Client = typeof import('@nats-io/transport-node')

const PING_MS = 20_000

export class Connector {
  readonly #options: NatsOptions
  readonly #place: string
  readonly #tls: TlsFiles | undefined
  #client: Client | undefined
  #link: NatsLink | undefined
  #opening: Promise<NatsLink> | undefined

  constructor(options: NatsOptions, place: string) {
    this.#options = options
    this.#place = place
    if (options.tls !== undefined) this.#tls = new TlsFiles(options.tls, { place: `${place}.tls` })
  }

  /** @throws {ConnectorError} InvalidConfiguration if the client is missing or a file can't be used */
  async open(): Promise<void> {
    const name = '@nats-io/transport-node'
    const load = () => import('@nats-io/transport-node')
    // The package is CommonJS: in a bundle only the default has its functions.
    this.#client ??= (await loadPackage(name, this.#place, load)).default
    await this.#authenticator(this.#client)
    await this.#tls?.context()
  }

  close(): void {
    this.#link?.end(new ConnectorError('Stopping', 'the destination is closed'))
    this.#link = undefined
    void this.#opening?.then((link) => link.end(new Error('closed'))).catch(() => {})
    this.#client = undefined
  }

  /** The connection that is open, or a new one. */
  async link(): Promise<NatsLink> {
    if (this.#link?.isUsable === true) return this.#link
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined
    })
    return await this.#opening
  }

  async #connect(): Promise<NatsLink> {
    const client = this.#client
    if (client === undefined) throw new ConnectorError('Stopping', 'the destination is closed')
    const connection = await client.connect(await this.#connectionOptions(client))
    this.#link = new NatsLink(connection, client.createInbox())
    return this.#link
  }

  async #connectionOptions(client: Client): Promise<NodeConnectionOptions> {
    const { servers, connectTimeout } = this.#options
    try {
      const authenticator = await this.#authenticator(client)
      const contents = await this.#tls?.contents()
      const checkServerIdentity = (host: string, certificate: PeerCertificate) =>
        this.#certificateFault(host, certificate)
      const texts = Object.entries(contents ?? {}).map(([name, value]) => [name, String(value)])
      return {
        servers: [...servers],
        timeout: connectTimeout,
        name: 'iot-analytics-connector',
        // A client that connects again would send what waits in its memory, at a time of its choice.
        reconnect: false,
        maxReconnectAttempts: 0,
        pingInterval: PING_MS,
        ignoreClusterUpdates: true,
        ...(authenticator !== undefined && { authenticator }),
        ...(contents !== undefined && {
          tls: { ...Object.fromEntries(texts), checkServerIdentity },
        }),
      }
    } catch (error) {
      // The file was in order at the start, so the connector goes on and tries again.
      const { message } = asConnectorError(error, 'CredentialsUnavailable', this.#place)
      throw new ConnectorError('CredentialsUnavailable', message, { cause: error })
    }
  }

  /** The client does not pass on the host if it is an address: then Node takes localhost for it. */
  #certificateFault(host: string, certificate: PeerCertificate): Error | undefined {
    const { servers, tls } = this.#options
    const hosts = servers.map((server) => server.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'))
    const addresses = hosts.includes(host) ? [host] : hosts.filter((one) => isIP(one) !== 0)
    const names = tls?.servername === undefined ? addresses : [tls.servername]
    const faults = names.map((name) => checkServerIdentity(name, certificate))
    return faults.includes(undefined)
      ? undefined
      : (faults[0] ?? checkServerIdentity(host, certificate))
  }

  async #authenticator(client: Client): Promise<Authenticator | undefined> {
    const { user, password, passwordFile, tokenFile, credentialsFile, nkeyFile } = this.#options
    const secretOf = (path: string, setting: string) =>
      readNamedSecret(path, `${this.#place}.${setting}`)
    if (user !== undefined) {
      const secret =
        passwordFile === undefined ? password : await secretOf(passwordFile, 'passwordFile')
      return client.usernamePasswordAuthenticator(user, secret ?? '')
    }
    if (tokenFile !== undefined) {
      return client.tokenAuthenticator(await secretOf(tokenFile, 'tokenFile'))
    }
    if (credentialsFile !== undefined) {
      const setting = `${this.#place}.credentialsFile`
      const credentials = await readNamedFile(credentialsFile, setting)
      const expected = 'a JWT and the seed of its nkey, as `nsc generate creds` writes them'
      return usable(client.credsAuthenticator(credentials), setting, expected)
    }
    if (nkeyFile === undefined) return undefined
    const seed = Buffer.from((await secretOf(nkeyFile, 'nkeyFile')).trim())
    const expected = 'the seed of a user’s nkey, which begins with SU'
    return usable(client.nkeyAuthenticator(seed), `${this.#place}.nkeyFile`, expected)
  }
}

/** Signs something, so that a file that can't be used is noticed before a server asks. */
function usable(authenticator: Authenticator, setting: string, expected: string): Authenticator {
  let key = ''
  try {
    const signed = authenticator('nonce')
    if (typeof signed === 'object' && 'nkey' in signed) key = signed.nkey
  } catch {
    // What is wrong with it might quote the secret.
  }
  if (key.startsWith('U')) return authenticator
  throw new ConnectorError('InvalidConfiguration', `${setting}: expected ${expected}`)
}

/** The setting that logs in, for people. */
export function loginSettingOf(options: NatsOptions, place: string): string {
  const names = ['user', 'tokenFile', 'credentialsFile', 'nkeyFile'] as const
  const name = names.find((one) => options[one] !== undefined)
  if (name === undefined) {
    return `the login: ${place} has no user, tokenFile, credentialsFile or nkeyFile`
  }
  return name === 'user' ? `the login: ${place}.user and its password` : `${place}.${name}`
}
