/** `POST /messages/batch`: BatchPutMessage, for other connectors and AWS's clients. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { refuseForeignPages } from '../access/own-requests.ts'
import type { BodyBudget } from '../connections/body-budget.ts'

/** What takes the batches. */
export interface BatchReceiver {
  /** Whether a signature says who may send, in place of token and certificates. */
  readonly checksSignatures: boolean
  readonly maxBodyBytes: number
  /** Resolves when the messages are durable, or with why they are not. */
  receive(request: {
    readonly method: string
    readonly path: string
    readonly headers: FastifyRequest['headers']
    readonly body: Buffer
    readonly remote: string
  }): Promise<{
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  }>
}

export function batchPutMessageRoute(
  server: FastifyInstance,
  receiver: BatchReceiver,
  bodies: BodyBudget,
): void {
  server.register((scope, _options, ready) => {
    scope.removeAllContentTypeParsers()
    const options = { parseAs: 'buffer', bodyLimit: receiver.maxBodyBytes } as const
    scope.addContentTypeParser('application/json', options, (_request, body, done) => {
      done(null, body)
    })
    scope.post(
      '/messages/batch',
      {
        config: { isPublic: receiver.checksSignatures, isForClients: true },
        onRequest: [refuseForeignPages, bodies.taker(receiver.maxBodyBytes)],
      },
      async (request, reply) => {
        const { method, headers, body, ip } = request
        const path = request.url.split('?', 1)[0] ?? ''
        const whole = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
        const answer = await receiver.receive({ method, path, headers, body: whole, remote: ip })
        return reply.code(answer.status).headers(answer.headers).send(answer.body)
      },
    )
    ready()
  })
}
