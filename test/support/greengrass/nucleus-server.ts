/**
 * The IPC server of a nucleus on a Unix socket, with what a test needs: components, publications
 * and deployments on one side, faults on the other, and a record of what came.
 */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Character } from './character.ts'
import type { KeyPath } from './configuration.ts'
import { Faults } from './faults.ts'
import { IpcConnection } from './ipc-connection.ts'
import { isObject, type JsonObject } from './json-text.ts'
import { type AnsweredRequest, type LoginAttempt, Nucleus } from './nucleus.ts'
import { cloudPublication, localPublication } from './operations.ts'
import type { ValidityReport } from './validations.ts'

export type Content = { readonly json: unknown } | { readonly binary: Buffer }

export interface Published {
  readonly topic: string
  readonly content: Content
}

const OTHER_COMPONENT = 'com.example.Other'

/** Starts a nucleus, and stops it after the test. */
export async function startNucleus(t: TestContext, character: Character): Promise<NucleusServer> {
  const directory = await mkdtemp(join(tmpdir(), 'greengrass-'))
  const server = new NucleusServer(character, join(directory, 'ipc.socket'))
  t.after(async () => {
    await server.stop()
    await rm(directory, { recursive: true })
  })
  await server.start()
  return server
}

export class NucleusServer {
  readonly socketPath: string
  readonly character: Character
  readonly #nucleus: Nucleus
  readonly #faults = new Faults()
  readonly #connections = new Set<IpcConnection>()
  #server: Server | undefined
  #isHanging = false

  constructor(character: Character, socketPath: string) {
    this.character = character
    this.socketPath = socketPath
    this.#nucleus = new Nucleus(character)
  }

  async start(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer((socket) => {
      if (this.#connections.size >= this.character.maxClients) {
        socket.destroy()
        return
      }
      const connection = new IpcConnection(socket, this.#nucleus, this.#faults)
      this.#connections.add(connection)
      socket.on('close', () => this.#connections.delete(connection))
      connection.open()
      if (this.#isHanging) connection.pause()
    })
    this.#server = server
    server.listen(this.socketPath)
    await once(server, 'listening')
  }

  /** Ends all connections, silently. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    this.closeConnections()
    this.#nucleus.disconnect()
    await closed
  }

  /** Both nuclei forget their tokens when they restart; `keepsTokens` is for tests of other parts. */
  async restart({ keepsTokens = false } = {}): Promise<void> {
    await this.stop()
    if (!keepsTokens) this.#nucleus.forgetTokens()
    await this.start()
  }

  /** @param configuration with its `accessControl` */
  addComponent(component: string, configuration: JsonObject): void {
    this.#nucleus.addComponent(component, configuration)
  }

  /** The token that the component would find in its environment if it started now. */
  tokenOf(component: string): string {
    return this.#nucleus.tokenOf(component)
  }

  /** The variables that the nucleus sets for a component. */
  environmentOf(component: string): Record<string, string> {
    return {
      AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT: this.socketPath,
      SVCUID: this.tokenOf(component),
      AWS_CONTAINER_AUTHORIZATION_TOKEN: this.tokenOf(component),
    }
  }

  /** Another component publishes. */
  publish(topic: string, content: Content): void {
    const publishMessage =
      'binary' in content
        ? { binaryMessage: { message: content.binary.toString('base64') } }
        : { jsonMessage: { message: content.json } }
    const message = { component: OTHER_COMPONENT, topic, publishMessage }
    this.#nucleus.subscriptions.publish(localPublication(this.#nucleus, message))
  }

  /** A message comes from AWS IoT Core. */
  publishFromCloud(topic: string, payload: Buffer): void {
    this.#nucleus.subscriptions.publish(cloudPublication(topic, payload.toString('base64')))
  }

  /** A deployment changes the value at a key path of a component's configuration. */
  configure(component: string, keyPath: KeyPath, value: unknown): void {
    this.#nucleus.configuration.set(component, keyPath, value)
  }

  /** A deployment asks the component whether it takes this configuration. */
  propose(component: string, configuration: JsonObject): Promise<ValidityReport> {
    return this.#nucleus.validations.propose(component, configuration)
  }

  /**
   * Runs the action once, when the next request of this operation has been carried out and is not
   * answered yet: publish there, and the event precedes the answer; return a promise, and the
   * answer waits for it.
   */
  beforeAnswer(operation: string, action: () => unknown): void {
    this.#faults.beforeAnswer(operation, action)
  }

  /** Holds the next answer to this operation back until the returned function is called. */
  holdAnswer(operation: string): () => void {
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    this.beforeAnswer(operation, () => released)
    return release
  }

  /** Reads nothing, logins included, until `recover`. */
  hang(): void {
    this.#isHanging = true
    for (const connection of this.#connections) connection.pause()
  }

  recover(): void {
    this.#isHanging = false
    for (const connection of this.#connections) connection.resume()
  }

  /** Of the next event only the first half is written; what comes after it follows at once. */
  tearNextEvent(): void {
    this.#faults.tearNextEvent()
  }

  /** Writes these bytes to every connection. */
  write(bytes: Buffer): void {
    for (const connection of this.#connections) connection.write(bytes)
  }

  ping(payload: Buffer): void {
    for (const connection of this.#connections) connection.ping(payload)
  }

  closeConnections(): void {
    for (const connection of this.#connections) connection.close()
  }

  /** Forgets all subscriptions to topics silently; their streams stay open. */
  dropSubscriptions(): void {
    this.#nucleus.subscriptions.drop()
  }

  /** The requests that were carried out, of all operations or of one, in order of arrival. */
  requests(operation?: string): readonly AnsweredRequest[] {
    const { requests } = this.#nucleus
    return operation === undefined
      ? requests
      : requests.filter((each) => each.operation === operation)
  }

  /** What a component has published on the local bus. */
  publicationsOf(component: string): Published[] {
    return this.requests('PublishToTopic')
      .filter((each) => each.component === component)
      .map(({ request }) => publishedIn(request))
  }

  /** The states that a component has reported. */
  statesOf(component: string): unknown[] {
    return this.requests('UpdateState')
      .filter((each) => each.component === component)
      .map(({ request }) => request['state'])
  }

  /** The filters of a component's living subscriptions, on both buses. */
  filtersOf(component: string): string[] {
    return this.#nucleus.subscriptions.filtersOf(component)
  }

  /** All attempts to log in, in order. */
  logins(): readonly LoginAttempt[] {
    return this.#nucleus.logins
  }

  /** The components that are logged in, one entry for each connection. */
  connected(): string[] {
    return [...this.#connections].flatMap(({ component }) => component ?? [])
  }

  pingResponses(): Buffer[] {
    return [...this.#connections].flatMap(({ pingResponses }) => pingResponses)
  }
}

function publishedIn({ topic, publishMessage }: JsonObject): Published {
  const { jsonMessage, binaryMessage } = isObject(publishMessage) ? publishMessage : {}
  const content = isObject(binaryMessage)
    ? { binary: Buffer.from(String(binaryMessage['message']), 'base64') }
    : { json: isObject(jsonMessage) ? jsonMessage['message'] : undefined }
  return { topic: String(topic), content }
}
