/** The functions that `lambda` activities call, by the name in the configuration. */
import type { JsonValue } from '../json/json-value.ts'

export interface FunctionDirectory {
  /**
   * What the function returns.
   * @param maxMs a shorter time than the function's own, for a trial
   * @throws {Error} if there is no such function, or it fails or takes too long
   */
  invoke(lambdaName: string, event: readonly JsonValue[], maxMs?: number): Promise<JsonValue>
}
