/** What is known of things besides their messages: the device registry, or the shadows. */
import type { JsonObject } from '../json/json-value.ts'

export interface ThingDirectory {
  /**
   * What is known of each of the things. Those that do not exist are not in the answer.
   * @throws {ConnectorError} ThingsUnavailable: it cannot be found out now
   */
  find(thingNames: ReadonlySet<string>): Promise<ReadonlyMap<string, JsonObject>>
}
