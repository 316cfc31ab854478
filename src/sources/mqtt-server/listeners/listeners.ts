/**
 * Listens on every configured port, applies the connection limits, and reads the files with
 * certificates, users and access rules. The files are read again when they change; if one of them
 * is invalid, everything stays as it was.
 */

import type { Server as HttpServer } from 'node:http'
import type { Server } from 'node:net'
import { type SecureContextOptions, Server as TlsServer } from 'node:tls'
import { isLoopback } from '../../../addresses.ts'
import type { Clock } from '../../../clock.ts'
import { asConnectorError, ConnectorError, messageOf } from '../../../errors.ts'
import { FileWatch } from '../../../named-files/file-watch.ts'
import type { PipelineObserver } from '../../../observer.ts'
import type { AccessControl } from '../access/access-control.ts'
import { readAccessData } from '../access/access-files.ts'
import { Authenticator } from '../access/authenticator.ts'
import { openFilesOf } from '../access/file-permissions.ts'
import { ConnectionLimits } from '../limits/connection-limits.ts'
import type { MqttLimits } from '../limits/limits.ts'
import type { MqttServerSettings, ProxyOptions, TlsOptions } from '../options.ts'
import { readCertificates } from './certificates.ts'
import { type Arrival, type ListenerEvents, listenOn, portOf, urlOf } from './listener.ts'
import { Proxies } from './proxies.ts'
import { createMqttsServer, createTcpServer, type TlsListenerOptions } from './tcp-listener.ts'

export interface ListenersOptions {
  readonly options: MqttServerSettings
  readonly limits: MqttLimits
  readonly clock: Clock
  readonly observer: PipelineObserver
  /** The source's name, for the observer. */
  readonly name: string
  /** Called when the files have been read again. */
  readonly onReloaded: () => void
}

interface Listener {
  readonly scheme: 'mqtt' | 'mqtts' | 'ws' | 'wss'
  readonly host: string
  readonly port: number
  readonly setting: string
  readonly path: string
  readonly server: Server | HttpServer
}

const WATCH_INTERVAL_MS = 1_000

export class Listeners {
  readonly #options: ListenersOptions
  readonly #connectionLimits: ConnectionLimits
  readonly #proxies: Proxies | undefined
  readonly #watch: FileWatch
  readonly #listeners: Listener[] = []
  #authenticator: Authenticator | undefined

  constructor(options: ListenersOptions) {
    this.#options = options
    const { limits, clock } = options
    const onRefused = (remote: string, reason: string) => this.#refused(remote, reason)
    this.#connectionLimits = new ConnectionLimits({
      limits,
      clock,
      isOpenToOthers: openHosts(options.options).length > 0,
      onRefused,
    })
    const { proxy } = options.options
    if (proxy !== undefined) {
      const timeoutMs = limits.connectTimeoutMs
      const common = { limits: this.#connectionLimits, clock, timeoutMs, onRefused }
      this.#proxies = new Proxies({ proxy, ...common })
    }
    this.#watch = new FileWatch({
      paths: filesOf(options.options),
      clock,
      intervalMs: WATCH_INTERVAL_MS,
      onChange: () => this.reload(),
    })
  }

  /** The URLs it listens on. */
  get urls(): readonly string[] {
    return this.#listeners.map(({ scheme, host, server, path }) =>
      urlOf(scheme, host, portOf(server), path),
    )
  }

  /** The port bound for a transport; 0 without that transport. */
  portOf(scheme: Listener['scheme']): number {
    const listener = this.#listeners.find((candidate) => candidate.scheme === scheme)
    return listener === undefined ? 0 : portOf(listener.server)
  }

  /** Throws `InvalidConfiguration` if a file can't be read or is invalid. */
  async readAccess(): Promise<AccessControl> {
    const { options, limits, clock } = this.#options
    refuseUnprotected(options)
    this.#authenticator = new Authenticator({
      clock,
      admitsAnonymous: options.allowAnonymous || !hasAuthentication(options),
      admitsCertificates: admitsCertificates(options),
      maxFailuresPerMinute: limits.maxFailuresPerMinute,
      data: await readAccessData(options),
    })
    await this.#reportOpenFiles()
    return this.#authenticator
  }

  /** Throws `AddressInUse` or `InvalidConfiguration`; no port is then left open. */
  async open(onArrival: (arrival: Arrival) => void): Promise<void> {
    await this.#watch.start()
    try {
      for (const listener of await this.#createListeners(onArrival)) {
        await listenOn(listener.server, listener)
        // A connection could not be accepted, for want of file descriptors, say. The others go on.
        listener.server.on('error', (error) => this.#refused('unknown', messageOf(error)))
        this.#listeners.push(listener)
      }
    } catch (error) {
      this.shut()
      throw error
    }
  }

  /** Accepts no more connections. Those that are open stay. */
  shut(): void {
    this.#watch.stop()
    for (const { server } of this.#listeners) server.close()
  }

  /** Closes every connection, including those that have not sent CONNECT. */
  destroySockets(): void {
    for (const socket of this.#connectionLimits.sockets) socket.destroy()
  }

  /**
   * Reads all files again and reports the result. If one is invalid, everything stays as it was.
   * Never rejects.
   */
  async reload(): Promise<void> {
    const { observer, name } = this.#options
    try {
      await this.#readAgain()
      observer.filesReloaded(name, undefined)
    } catch (error) {
      const doing = 'reading changed files'
      observer.filesReloaded(name, asConnectorError(error, 'Unexpected', doing))
    }
  }

  async #readAgain(): Promise<void> {
    const { options, onReloaded } = this.#options
    await this.#watch.markSeen()
    const data = await readAccessData(options)
    const context = options.tls === undefined ? undefined : await readCertificates(options.tls)
    this.#authenticator?.update(data)
    if (context !== undefined) this.#useCertificates(context)
    onReloaded()
    await this.#reportOpenFiles()
  }

  async #reportOpenFiles(): Promise<void> {
    const { options, observer, name } = this.#options
    for (const problem of await openFilesOf(options)) observer.settingsInsecure(name, problem)
  }

  #useCertificates(context: SecureContextOptions): void {
    for (const { server } of this.#listeners) {
      if (server instanceof TlsServer) server.setSecureContext(context)
    }
  }

  async #createListeners(onArrival: (arrival: Arrival) => void): Promise<Listener[]> {
    const { options, limits } = this.#options
    const { host, port, tls, webSocket } = options
    const connections = this.#connectionLimits
    const events: ListenerEvents = {
      onArrival,
      admits: (socket) => connections.admit(socket),
      onRefused: (remote, reason) => this.#refused(remote, reason),
      identify: (socket, peer) => connections.identify(socket, peer),
      peerOf: (socket) => connections.peerOf(socket),
      onConnected: (socket) => connections.connected(socket),
    }
    const timeoutMs = limits.connectTimeoutMs
    const tcp = this.#behindProxy('mqtt', createTcpServer(events))
    const listeners: Listener[] = [
      { scheme: 'mqtt', host, port, setting: 'port', path: '', server: tcp },
    ]
    const secure = tls === undefined ? undefined : await secured(tls, timeoutMs)
    if (secure !== undefined) {
      const { host: ownHost = host, port } = secure.tls
      const server = this.#behindProxy('tls', createMqttsServer(secure, events))
      listeners.push({
        scheme: 'mqtts',
        host: ownHost,
        port,
        setting: 'tls.port',
        path: '',
        server,
      })
    }
    if (webSocket !== undefined) {
      const { createWebSocketServer } = await import('./web-socket-listener.ts')
      const { host: ownHost = host, port, path } = webSocket
      const proxies = this.#proxies
      const isForwarded = proxies !== undefined && options.proxy?.forwardedFor === true
      const server = createWebSocketServer(
        {
          webSocket,
          secure: webSocket.secure ? secure : undefined,
          timeoutMs,
          clock: this.#options.clock,
          ...(isForwarded && { forwarded: (header) => proxies.forwardedClient(header) }),
          maxMessageBytes: 2 * limits.maxPacketBytes,
        },
        isForwarded ? { ...events, admits: (socket) => proxies.admits(socket) } : events,
      )
      if (!isForwarded) this.#behindProxy('webSocket', server)
      const scheme = webSocket.secure ? 'wss' : 'ws'
      listeners.push({ scheme, host: ownHost, port, setting: 'webSocket.port', path, server })
    }
    return listeners
  }

  /** If proxies connect to this port, they say which client each connection is for. */
  #behindProxy<Kind extends Server>(port: ProxyOptions['ports'][number], server: Kind): Kind {
    if (this.#options.options.proxy?.ports.includes(port) === true) {
      this.#proxies?.readHeadersOf(server)
    }
    return server
  }

  #refused(remote: string, reason: string): void {
    const { observer, name } = this.#options
    observer.clientRefused(name, remote, reason)
  }
}

async function secured(tls: TlsOptions, handshakeTimeoutMs: number): Promise<TlsListenerOptions> {
  return { tls, certificates: await readCertificates(tls), handshakeTimeoutMs }
}

function filesOf({ passwordFile, aclFile, tls }: MqttServerSettings): string[] {
  const { cert, key, keyPassphraseFile, ca, crl } = tls ?? {}
  const files = [passwordFile, aclFile, cert, key, keyPassphraseFile, ca, crl]
  return files.filter((path) => path !== undefined)
}

function hasAuthentication(options: MqttServerSettings): boolean {
  return options.passwordFile !== undefined || admitsCertificates(options)
}

function admitsCertificates({ tls }: MqttServerSettings): boolean {
  return tls !== undefined && tls.clientCertificate !== 'ignored'
}

/** Without authentication it listens on loopback only, unless the configuration allows more. */
export function refuseUnprotected(options: MqttServerSettings): void {
  const { allowAnonymous, proxy } = options
  if (allowAnonymous || hasAuthentication(options)) return
  const [open] = openHosts(options)
  if (open === undefined && proxy === undefined) return
  const what =
    open === undefined
      ? 'proxy: clients of other machines can come through a proxy, and no authentication is set up; set passwordFile or tls.clientCertificate,'
      : `${open.setting}: ${open.host} can be reached from other machines, and no authentication is set up; set passwordFile or tls.clientCertificate, write 127.0.0.1,`
  throw new ConnectorError(
    'InvalidConfiguration',
    `sources.mqttServer.${what} or allowAnonymous: true to let anyone who reaches the port publish`,
  )
}

/** The addresses to listen on that other machines can reach. */
function openHosts({ host, tls, webSocket }: MqttServerSettings) {
  const hosts = [
    { setting: 'host', host },
    { setting: 'tls.host', host: tls?.host ?? '127.0.0.1' },
    { setting: 'webSocket.host', host: webSocket?.host ?? '127.0.0.1' },
  ]
  return hosts.filter((each) => !isLoopback(each.host))
}
