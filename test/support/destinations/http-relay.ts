/** Stands between a destination and a real HTTP server, and misbehaves as a test asks. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Cleanup } from '../servers/server-process.ts'
import { ScriptedServer } from './scripted-server.ts'

export type RelayRule =
  | { readonly status: number; readonly body?: string }
  /** The server gets the request, but its answer is lost. */
  | 'lost'
  | 'silence'

export class HttpRelay extends ScriptedServer<RelayRule> {
  /** Bodies of the requests so far. */
  readonly bodies: string[] = []
  readonly #target: string

  private constructor(target: string) {
    super()
    this.#target = target
  }

  static async start(t: Cleanup, target: string): Promise<HttpRelay> {
    return await new HttpRelay(target).listen(t)
  }

  get url(): string {
    return this.origin
  }

  protected override note(_request: IncomingMessage, body: Buffer): void {
    this.bodies.push(String(body))
  }

  protected override async answer(
    request: IncomingMessage,
    bytes: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    const rule = this.ruleFor(String(bytes))
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
