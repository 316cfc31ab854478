/** Stands between a destination and a real HTTP server, and misbehaves as a test asks. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export type RelayRule =
  | { readonly status: number; readonly body?: string }
  /** The server gets the request, but its answer is lost. */
  | 'lost'
  | 'silence'

interface Cleanup {
  after(release: () => unknown): void
}

export class HttpRelay {
  /** Bodies of the requests so far. */
  readonly bodies: string[] = []
  readonly #target: string
  readonly #server: Server
  #rule: (body: string) => RelayRule | undefined = () => undefined
  #delayMs = 0
  #onRequest: (() => void) | undefined

  private constructor(target: string) {
    this.#target = target
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch(() => response.destroy())
    })
  }

  static async start(t: Cleanup, target: string): Promise<HttpRelay> {
    const relay = new HttpRelay(target)
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve))
    t.after(async () => {
      relay.#server.closeAllConnections()
      await new Promise((resolve) => relay.#server.close(resolve))
    })
    return relay
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return `http://127.0.0.1:${address.port}`
  }

  always(rule: RelayRule): void {
    this.#rule = () => rule
  }

  when(applies: (body: string) => boolean, rule: RelayRule): void {
    this.#rule = (body) => (applies(body) ? rule : undefined)
  }

  slow(delayMs: number): void {
    this.#delayMs = delayMs
  }

  recover(): void {
    this.#rule = () => undefined
    this.#delayMs = 0
  }

  async reached(): Promise<void> {
    if (this.bodies.length > 0) return
    await new Promise<void>((resolve) => {
      this.#onRequest = resolve
    })
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const bytes = Buffer.concat(chunks)
    this.bodies.push(String(bytes))
    this.#onRequest?.()
    if (this.#delayMs > 0) await delay(this.#delayMs)
    const rule = this.#rule(String(bytes))
    if (rule === 'silence') return
    if (typeof rule === 'object') {
      response.writeHead(rule.status).end(rule.body)
      return
    }
    const { authorization, 'content-encoding': encoding } = request.headers
    const answer = await fetch(`${this.#target}${request.url}`, {
      method: request.method ?? 'POST',
      body: bytes,
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      },
    })
    const body = await answer.text()
    if (rule === 'lost') {
      response.destroy()
      return
    }
    const headers = { 'content-type': answer.headers.get('content-type') ?? 'text/plain' }
    response.writeHead(answer.status, headers)
    response.end(body === '' ? undefined : body)
  }
}
