/** Functions and things in memory. */
import type { FunctionDirectory } from '../../../src/analytics/pipelines/functions/function-directory.ts'
import type { JsonObject, JsonValue } from '../../../src/analytics/pipelines/json/json-value.ts'
import type { ThingDirectory } from '../../../src/analytics/pipelines/things/thing-directory.ts'

type Handler = (event: JsonValue[]) => JsonValue

export function fakeFunctions(handlers: Readonly<Record<string, Handler>>): FunctionDirectory {
  return {
    async invoke(lambdaName, event) {
      const handler = handlers[lambdaName]
      if (handler === undefined) throw new Error(`there is no function ${lambdaName}`)
      return handler([...event])
    },
  }
}

export function fakeThings(things: Readonly<Record<string, JsonObject>>): ThingDirectory {
  return { find: async () => new Map(Object.entries(things)) }
}
