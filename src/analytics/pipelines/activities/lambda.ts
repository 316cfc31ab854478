/**
 * Hands messages to a function, up to `batchSize` at a time, and goes on with what it returns. The
 * function never runs in the connector's own process.
 *
 * It gets an array and must return an array of JSON objects. The first object takes the place of the
 * first message, and so on. If it returns more, the rest belong to the last message; if it returns
 * fewer, the last messages are not stored. If it fails, all messages it got have failed.
 */
import { messageOf } from '../../../errors.ts'
import type { FunctionDirectory } from '../functions/function-directory.ts'
import { isJsonObject, type JsonObject, type JsonValue, kindOf } from '../json/json-value.ts'
import { ActivityFailure, type BatchActivity, type Outcome } from './activity.ts'

export interface LambdaOptions {
  readonly name: string
  readonly lambdaName: string
  readonly batchSize: number
  readonly functions: FunctionDirectory
}

export function lambda({ name, lambdaName, batchSize, functions }: LambdaOptions): BatchActivity {
  return {
    kind: 'batch',
    name,
    takesAnyPayload: true,
    async transformAll(messages) {
      const outcomes: Outcome[] = []
      for (let at = 0; at < messages.length; at += batchSize) {
        const event = messages.slice(at, at + batchSize)
        outcomes.push(...(await invoke(functions, lambdaName, event)))
      }
      return outcomes
    },
  }
}

async function invoke(
  functions: FunctionDirectory,
  lambdaName: string,
  event: readonly JsonValue[],
): Promise<Outcome[]> {
  try {
    const results = objectsOf(await functions.invoke(lambdaName, event))
    return event.map((_, i) =>
      i === event.length - 1 ? results.slice(i) : results.slice(i, i + 1),
    )
  } catch (thrown) {
    const failure = new ActivityFailure(`the function ${lambdaName} failed: ${messageOf(thrown)}`)
    return event.map(() => failure)
  }
}

function objectsOf(answer: JsonValue): JsonObject[] {
  if (!Array.isArray(answer)) {
    throw new ActivityFailure(`expected an array of JSON objects, got ${kindOf(answer)}`)
  }
  const objects = answer.filter(isJsonObject)
  if (objects.length === answer.length) return objects
  const odd = answer.findIndex((element) => !isJsonObject(element))
  throw new ActivityFailure(`expected JSON objects, got ${kindOf(answer[odd])} at index ${odd}`)
}
