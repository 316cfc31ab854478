/** What the tests' HTTP servers have in common: a rule for answers, delays, and when a request came. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cleanup } from '../servers/server-process.ts'

export abstract class ScriptedServer<Rule> {
  readonly #server: Server
  #rule: (body: string) => Rule | undefined = () => undefined
  #delayMs = 0
  #requests = 0
  #onRequest: (() => void) | undefined

  constructor() {
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch(() => response.destroy())
    })
  }

  /** Begins to listen, until the end of the test. */
  async listen(t: Cleanup): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    t.after(async () => {
      this.#server.closeAllConnections()
      await new Promise((resolve) => this.#server.close(resolve))
    })
    return this
  }

  get origin(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return `http://127.0.0.1:${address.port}`
  }

  /** Answers all requests so, until `recover`. */
  always(rule: Rule): void {
    this.#rule = () => rule
  }

  /** Answers requests with such a body so, until `recover`. */
  when(applies: (body: string) => boolean, rule: Rule): void {
    this.#rule = (body) => (applies(body) ? rule : undefined)
  }

  slow(delayMs: number): void {
    this.#delayMs = delayMs
  }

  recover(): void {
    this.#rule = () => undefined
    this.#delayMs = 0
  }

  /** Resolves once there has been a request. */
  async reached(): Promise<void> {
    if (this.#requests > 0) return
    await new Promise<void>((resolve) => {
      this.#onRequest = resolve
    })
  }

  protected ruleFor(body: string): Rule | undefined {
    return this.#rule(body)
  }

  /** A request has come, with this body. */
  protected abstract note(request: IncomingMessage, body: Buffer): void

  /** Called after the delay, if one is set. */
  protected abstract answer(
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): void | Promise<void>

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    this.note(request, body)
    this.#requests += 1
    this.#onRequest?.()
    if (this.#delayMs > 0) await delay(this.#delayMs)
    await this.answer(request, body, response)
  }
}
