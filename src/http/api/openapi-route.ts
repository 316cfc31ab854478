/** `GET openapi.json`: the description of this API. */
import type { FastifyInstance } from 'fastify'
import { JSON_TYPE, sendInPieces } from '../requests/pages.ts'
import { openApiDocument } from './openapi.ts'
import { operations } from './operations.ts'
import { operatorRoute } from './operator-route.ts'

export function openApiRoute(server: FastifyInstance): void {
  let text: string | undefined
  operatorRoute(server, operations.openapi, async ({ reply }) => {
    text ??= JSON.stringify(openApiDocument())
    return sendInPieces(reply, JSON_TYPE, [text])
  })
}
