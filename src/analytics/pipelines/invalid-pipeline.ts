/** Definitions that cannot be used. The API answers them with InvalidRequestException. */
import type * as z from 'zod'
import { ConnectorError } from '../../errors.ts'
import { checked } from '../resources/problems.ts'

export function invalidPipeline(problem: string, cause?: unknown): ConnectorError {
  return new ConnectorError('InvalidPipeline', problem, { cause })
}

/**
 * The definition in its own type.
 * @param what it is, for errors: `the pipeline`
 * @throws {ConnectorError} InvalidPipeline, with every problem and its place
 */
export function parseDefinition<Schema extends z.ZodType>(
  schema: Schema,
  definition: unknown,
  what: string,
): z.output<Schema> {
  const { value, problem } = checked(schema, definition, what)
  if (problem !== undefined) throw invalidPipeline(problem)
  return value
}
