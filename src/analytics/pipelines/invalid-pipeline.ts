/** Definitions that cannot be used. The API answers them with InvalidRequestException. */
import * as z from 'zod'
import { ConnectorError } from '../../errors.ts'

export function invalidPipeline(problem: string, cause?: unknown): ConnectorError {
  return new ConnectorError('InvalidPipeline', problem, { cause })
}

/**
 * The definition in its own type.
 * @throws {ConnectorError} InvalidPipeline, with every problem and its place
 */
export function parseDefinition<Schema extends z.ZodType>(
  schema: Schema,
  definition: unknown,
): z.output<Schema> {
  const result = schema.safeParse(definition)
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${z.core.toDotPath(path)}: ${message}`,
  )
  throw invalidPipeline(problems.join('; '), result.error)
}
