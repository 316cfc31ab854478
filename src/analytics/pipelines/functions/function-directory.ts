/** The functions that `lambda` activities call, by the name in the configuration. */
import type { JsonValue } from '../json/json-value.ts'

export interface FunctionDirectory {
  /**
   * What the function returns.
   * @param maxMs for a trial, which also waits for calls before it: a time for all of that
   * @throws {Error} if there is no such function, or it fails or takes too long
   */
  invoke(lambdaName: string, event: readonly JsonValue[], maxMs?: number): Promise<JsonValue>
}
