/** The contract of an operation, and what operations work with. */
import type { ResourceOwner } from '../../resources/arn.ts'
import type { ResourceStore } from '../../resources/resource-store.ts'
import type { ChannelData } from '../contracts/channel-data.ts'
import type { DatasetRunner } from '../contracts/dataset-runner.ts'
import type { DatastoreData } from '../contracts/datastore-data.ts'
import type { PipelineRunner } from '../contracts/pipeline-runner.ts'
import type { ApiOptions } from '../options.ts'

export interface Call {
  /** Of the path, decoded. */
  readonly parameters: Readonly<Partial<Record<string, string>>>
  readonly query: URLSearchParams
  /** Members that are null are left out. */
  readonly body: Readonly<Record<string, unknown>>
  /** Of the server, as the client reaches it: `http://127.0.0.1:8090`. */
  readonly origin: string
}

export interface Operation {
  /** As AWS names it. */
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Its parameters begin with a colon. */
  readonly path: string
  readonly status: 200 | 201 | 204
  /** Resolves with the body of the answer, if it has one. @throws {ServiceException} */
  run(call: Call): Promise<object | undefined>
}

export interface ApiContext {
  readonly resources: ResourceStore
  readonly owner: ResourceOwner
  readonly limits: ApiOptions['limits']
  readonly channelData: ChannelData
  /** Undefined: pipelines are stored, and do not run. */
  readonly pipelineRunner?: PipelineRunner | undefined
  /** Undefined: datastores have no data. */
  readonly datastoreData?: DatastoreData | undefined
  /** Undefined: datasets are stored, and have no content. */
  readonly datasetRunner?: DatasetRunner | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}
