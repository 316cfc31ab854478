/** What makes the content of datasets. All times are milliseconds since 1970. */

/** A version is an id, `$LATEST` or `$LATEST_SUCCEEDED`. */
export interface DatasetRunner {
  /**
   * Begins to make content. Resolves with the version's id.
   * @param versionId of a delta dataset: the version whose content is made again
   * @returns undefined if there is no such version
   * @throws {ConnectorError} InvalidDataset if the dataset is no delta dataset
   */
  createContent(dataset: string, versionId: string | undefined): Promise<string | undefined>
  /**
   * Undefined if there is no such version.
   * @param origin of the server, as the client reaches it: `http://127.0.0.1:8090`
   */
  content(dataset: string, version: string, origin: string): Promise<DatasetContent | undefined>
  /** All versions, the newest first. */
  contents(dataset: string): Promise<readonly DatasetVersion[]>
  /** False if there is no such version. */
  deleteContent(dataset: string, version: string): Promise<boolean>
  /** The dataset was deleted, or is about to be created: contents of this name are not needed. */
  removed(dataset: string): Promise<void>
}

export interface DatasetStatus {
  readonly state: 'CREATING' | 'SUCCEEDED' | 'FAILED'
  readonly reason?: string
}

export interface DatasetContent {
  readonly entries: readonly { readonly entryName: string; readonly dataURI: string }[]
  readonly createdAt: number
  readonly status: DatasetStatus
}

export interface DatasetVersion {
  readonly version: string
  readonly status: DatasetStatus
  readonly createdAt: number
  readonly scheduledAt: number
  readonly completedAt: number | undefined
}
