/** The API of AWS IoT Analytics: its paths, and its answers to what the server refuses. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { refuseForeignOrigins } from '../access/own-requests.ts'
import type { BodyBudget } from '../connections/body-budget.ts'
import { asRequestError } from '../requests/request-error.ts'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
}

/** What performs the operations. */
export interface ApiReceiver<Kind extends Operation = Operation> {
  readonly operations: readonly Kind[]
  /** Whether a signature says who may call, in place of token and certificates. */
  readonly checksSignatures: boolean
  receive(
    operation: Kind,
    request: {
      readonly method: string
      readonly path: string
      readonly query: string
      readonly parameters: Readonly<Partial<Record<string, string>>>
      readonly headers: FastifyRequest['headers']
      readonly body: Buffer
      readonly origin: string
      readonly remote: string
    },
  ): Promise<Answer>
  /** The answer to a request that the server refuses. */
  refuse(status: number, message: string): Answer
}

/** The payloads of RunPipelineActivity, in base64, are the most that a request may have. */
const MAX_BODY_BYTES = 2 * 1024 * 1024

export function iotAnalyticsApiRoutes<Kind extends Operation>(
  server: FastifyInstance,
  receiver: ApiReceiver<Kind>,
  bodies: BodyBudget,
): void {
  server.register((scope, _options, ready) => {
    scope.removeAllContentTypeParsers()
    const options = { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES } as const
    scope.addContentTypeParser('application/json', options, (_request, body, done) => {
      done(null, body)
    })
    scope.setErrorHandler((thrown, _request, reply) => {
      const { statusCode, message } = asRequestError(thrown)
      return send(reply, receiver.refuse(statusCode, message))
    })
    for (const operation of receiver.operations) {
      const { method, path: url } = operation
      scope.route<{ Params: Partial<Record<string, string>> }>({
        method,
        url,
        bodyLimit: MAX_BODY_BYTES,
        config: { isPublic: receiver.checksSignatures, isForClients: true },
        onRequest: [refuseForeignOrigins, bodies.taker(MAX_BODY_BYTES)],
        handler: async (request, reply) => {
          const { params: parameters, headers, ip: remote } = request
          const [path = '', query = ''] = request.url.split(/\?(.*)/s)
          const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
          const origin = originOf(request)
          const given = { method, path, query, parameters, headers, body, origin, remote }
          return send(reply, await receiver.receive(operation, given))
        },
      })
    }
    ready()
  })
}

/** The host has passed the check of names. */
function originOf({ protocol, headers }: FastifyRequest): string {
  return `${protocol}://${headers.host ?? ''}`
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}
