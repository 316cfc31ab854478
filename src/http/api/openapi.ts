/** The description of the operator's API in OpenAPI 3.1, from the table of its operations. */
import * as z from 'zod'
import { API, type Operation, operations } from './operations.ts'
import { failure } from './shapes/session.ts'

const TYPES = {
  json: 'application/json',
  lines: 'application/x-ndjson',
  stream: 'text/event-stream',
  result: 'application/x-ndjson',
} as const

type JsonSchema = z.core.JSONSchema.BaseSchema

const FAILURE = { $ref: '#/components/schemas/Failure' }

export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const [name, operation] of Object.entries<Operation>(operations)) {
    const path = `${API}/${operation.path}`
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: described(name, operation) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'iot-analytics-connector, the operator’s API',
      version: 'v1',
      description:
        'What the dashboard and the commands ask. Numbers are in base units: seconds, bytes, messages per second. Times are ISO 8601 in UTC.',
    },
    servers: [{ url: '/' }],
    security: [{}, { token: [] }, { session: [] }],
    paths,
    components: {
      schemas: { Failure: schemaOf(failure, 'output') },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'session',
          description: 'Set by POST session; the port is part of its name.',
        },
      },
    },
  }
}

function described(name: string, operation: Operation): object {
  const { summary, right = 'view', body, errors = [] } = operation
  return {
    operationId: name,
    summary,
    description: `Needs the right ${right}.${errors.length === 0 ? '' : ` Errors: ${errors.join(', ')}.`}`,
    parameters: [...pathParameters(operation), ...queryParameters(operation)],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: jsonOf(schemaOf(body, 'input')) } }),
    responses: {
      ...answerOf(operation),
      default: { description: 'An error.', content: jsonOf(FAILURE) },
    },
  }
}

function pathParameters({ path }: Operation): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => {
    return { name, in: 'path', required: true, schema: { type: 'string' } }
  })
}

function queryParameters({ query }: Operation): object[] {
  if (query === undefined) return []
  const { properties = {}, required = [] } = schemaOf(query, 'input')
  return Object.entries(properties).map(([name, schema]) => {
    return { name, in: 'query', required: required.includes(name), schema }
  })
}

function answerOf({ answer, answerIs = 'json' }: Operation): object {
  if (answerIs === 'nothing') return { 204: { description: 'It is done.' } }
  const kinds = {
    json: 'The answer.',
    lines: 'One object a line.',
    stream: 'Events; the schema is that of their data.',
    result: 'The rows of the result, in the format that was asked for.',
  }
  const content = { [TYPES[answerIs]]: { schema: schemaOf(answer, 'output') } }
  return { 200: { description: kinds[answerIs], content } }
}

function jsonOf(schema: object): object {
  return { 'application/json': { schema } }
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
