/** Datastores as the makers of datasets need them. */

export interface Datastores {
  /**
   * Runs the pipelines that feed these datastores on everything that was acknowledged before the
   * call.
   * @throws {ConnectorError} if one of them can't
   * @throws the signal's reason if it was aborted
   */
  catchUp(datastores: readonly string[], signal: AbortSignal): Promise<void>
}
