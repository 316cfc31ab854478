/** An HTTP proxy before an S3 server: answers in its place, loses answers, or hangs. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { Cleanup } from '../servers/server-process.ts'

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
}

/**
 *  - `error`: answers in place of the server.
 *  - `hang`: never answers. `cut`: closes the connection before the request has reached the server.
 *  - `lose`: the server does what is asked, and its answer is lost.
 *  - `bare`: without the headers of conditions, as services that do not know them.
 */
export type GateRule =
  | {
      readonly do: 'error'
      readonly status: number
      readonly body?: string
      readonly headers?: Record<string, string>
    }
  | { readonly do: 'hang' | 'lose' | 'cut' | 'bare' }

export class S3Gate {
  url = ''
  readonly seen: SeenRequest[] = []
  /** What happens to a request; undefined: it is passed on. */
  rule: (seen: SeenRequest) => GateRule | undefined = () => undefined
  readonly #server = createServer((incoming, outgoing) => this.#take(incoming, outgoing))
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  async start(t: Cleanup): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    t.after(() => {
      this.#server.closeAllConnections()
      this.#server.close()
    })
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    this.url = `http://127.0.0.1:${address.port}`
    return this
  }

  /** Requests so far, as `PUT` or, with a query, `POST ?uploads`. */
  get methods(): string[] {
    return this.seen.map(({ method, url }) => {
      const query = /\?(uploads|uploadId|partNumber)/.exec(url)?.[1]
      return query === undefined ? method : `${method} ?${query}`
    })
  }

  #take(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = '', url = '', headers } = incoming
    const seen = { method, url, headers }
    this.seen.push(seen)
    const rule = this.rule(seen)
    incoming.on('error', () => {})
    if (rule?.do === 'error') {
      incoming.resume().on('end', () => {
        outgoing.writeHead(rule.status, rule.headers).end(rule.body)
      })
      return
    }
    if (rule?.do === 'hang') {
      incoming.resume()
      return
    }
    if (rule?.do === 'cut') {
      incoming.socket.destroy()
      return
    }
    const { 'if-none-match': condition, ...others } = headers
    const passed = rule?.do === 'bare' || condition === undefined ? others : headers
    const server = request({ port: this.#port, method, path: url, headers: passed, agent: false })
    incoming.pipe(server)
    server.on('error', () => incoming.socket.destroy())
    server.on('response', (answer) => {
      if (rule?.do === 'lose') {
        answer.resume().on('end', () => incoming.socket.destroy())
        return
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
  }
}
