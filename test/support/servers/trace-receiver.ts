/** A receiver of OTLP/HTTP that keeps the spans, as JSON has them. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { TestContext } from 'node:test'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status?: { readonly code: number; readonly message: string }
  readonly attributes: readonly {
    readonly key: string
    readonly value: { readonly stringValue?: string; readonly intValue?: string }
  }[]
}

export class TraceReceiver {
  readonly spans: ReceivedSpan[] = []
  readonly headers: IncomingHttpHeaders[] = []
  readonly paths: string[] = []
  /** `service.name` and the others, of the last request. */
  resource: Record<string, string | undefined> = {}
  status = 200
  /** Requests get no answer. */
  isSilent = false
  url = ''

  static async start(t: TestContext): Promise<TraceReceiver> {
    const receiver = new TraceReceiver()
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        receiver.headers.push(request.headers)
        receiver.paths.push(String(request.url))
        if (receiver.isSilent) return
        if (receiver.status === 200) receiver.#take(JSON.parse(Buffer.concat(chunks).toString()))
        response.writeHead(receiver.status, { 'content-type': 'application/json' }).end('{}')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    receiver.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    return receiver
  }

  #take({ resourceSpans }: ExportRequest): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const attributes = resource.attributes.map(({ key, value }) => [key, value.stringValue])
      this.resource = Object.fromEntries(attributes)
      for (const { spans } of scopeSpans) this.spans.push(...spans)
    }
  }
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: ReceivedSpan['attributes'] }
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[]
  }[]
}
