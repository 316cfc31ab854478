/** `GET /api/v1/dataset-contents/…`: contents of datasets, for those who were given their URL. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Connections } from '../connections/connections.ts'

interface Place {
  readonly dataset: string
  readonly version: string
  readonly entry: string
  readonly name: string
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: AsyncIterable<Buffer> | string | undefined
}

/** What has the contents. */
export interface ContentReceiver {
  /** Beginning of the paths. */
  readonly contentPath: string
  /** Never rejects because of what is asked. */
  openContent(request: {
    readonly place: Place
    readonly query: URLSearchParams
    readonly isHead: boolean
    readonly range?: string | undefined
    readonly 'if-range'?: string | string[] | undefined
  }): Promise<Answer>
}

export function datasetContentRoute(
  server: FastifyInstance,
  receiver: ContentReceiver,
  connections: Connections,
): void {
  server.route<{ Params: Place }>({
    method: ['GET', 'HEAD'],
    url: `${receiver.contentPath}/:dataset/:version/:entry/:name`,
    // The signature in the URL stands for token and certificate.
    config: { isPublic: true },
    handler: async (request, reply) => {
      const { params: place, url, headers } = request
      const query = new URLSearchParams(url.split('?')[1] ?? '')
      const isHead = request.method === 'HEAD'
      const { range, 'if-range': ifRange } = headers
      const asked = { place, query, isHead, range, 'if-range': ifRange }
      connections.expectLongAnswer(request.raw.socket)
      return send(reply, await receiver.openContent(asked))
    },
  })
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  reply.code(status).headers(headers)
  if (body === undefined || typeof body === 'string') return reply.send(body)
  return reply.send(Readable.from(body, { objectMode: false }))
}
