/** What the API asks of the files of datastores. */

export interface DatastoreData {
  bytes(datastore: string): number
  /**
   * Removes all that the datastore has, before its definition is removed. Resolves with what brings
   * it back if that fails.
   * @throws {ConnectorError} StorageFailed
   */
  remove(datastore: string): Promise<() => Promise<void>>
}
