/**
 * The API of AWS IoT Analytics. The HTTP server has the port; this is what a request means:
 *
 *     request ─▶ signature ─▶ body ─▶ operation ─▶ answer
 *
 * BatchPutMessage, the 34th operation, is a source (`sources/batch-put-message/`).
 */
import type { IncomingHttpHeaders } from 'node:http'
import { RequestSignatures } from '../../aws-server/request-signatures.ts'
import {
  type ExceptionName,
  exceptionAnswer,
  type ServiceAnswer,
  ServiceException,
  serviceAnswer,
} from '../../aws-server/service-answer.ts'
import type { Clock } from '../../clock.ts'
import { ConnectorError } from '../../errors.ts'
import type { PipelineObserver } from '../../observer.ts'
import type { ResourceStore } from '../resources/resource-store.ts'
import type { ChannelData } from './contracts/channel-data.ts'
import type { DatasetRunner } from './contracts/dataset-runner.ts'
import type { DatastoreData } from './contracts/datastore-data.ts'
import type { PipelineRunner } from './contracts/pipeline-runner.ts'
import { channelOperations } from './operations/channels.ts'
import { datasetContentOperations } from './operations/dataset-contents.ts'
import { datasetOperations } from './operations/datasets.ts'
import { datastoreOperations } from './operations/datastores.ts'
import { loggingOperations } from './operations/logging.ts'
import type { ApiContext, Operation } from './operations/operation.ts'
import { pipelineRunOperations } from './operations/pipeline-runs.ts'
import { pipelineOperations } from './operations/pipelines.ts'
import { tagOperations } from './operations/tags.ts'
import type { ApiOptions } from './options.ts'
import { parseBody } from './request-body.ts'

const NAME = 'analytics-api'
const RETRY = { retryAfterSeconds: 2 }

/** The name of what the HTTP server refuses before a request gets here. */
const REFUSALS: Readonly<Partial<Record<number, ExceptionName>>> = {
  401: 'MissingAuthenticationTokenException',
  403: 'AccessDeniedException',
  413: 'RequestEntityTooLargeException',
  429: 'ThrottlingException',
  503: 'ServiceUnavailableException',
}

export interface ApiRequest {
  readonly method: string
  /** As it came, still encoded. */
  readonly path: string
  readonly query: string
  /** Of the path, decoded. */
  readonly parameters: Readonly<Partial<Record<string, string>>>
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Of the server, as the client reaches it: `http://127.0.0.1:8090`. */
  readonly origin: string
  /** The client, for logs. */
  readonly remote: string
}

export interface IotAnalyticsApiSettings {
  readonly options: ApiOptions
  readonly resources: ResourceStore
  readonly channelData: ChannelData
  readonly datastoreData?: DatastoreData | undefined
  readonly pipelineRunner?: PipelineRunner | undefined
  readonly datasetRunner?: DatasetRunner | undefined
  readonly observer: PipelineObserver
  readonly clock: Clock
}

export class IotAnalyticsApi {
  readonly operations: readonly Operation[]
  readonly #settings: IotAnalyticsApiSettings
  readonly #signatures: RequestSignatures

  constructor(settings: IotAnalyticsApiSettings) {
    const { options, clock } = settings
    this.#settings = settings
    this.#signatures = new RequestSignatures({
      ...settings,
      credentials: options.credentials,
      place: 'analytics.api.credentials',
      name: NAME,
    })
    const context = { ...settings, owner: options, limits: options.limits, now: () => clock.now() }
    this.operations = allOperations(context)
  }

  /** Whether a signature says who may call, in place of the rules of the port. */
  get checksSignatures(): boolean {
    return this.#signatures.areRequired
  }

  /** @throws {ConnectorError} InvalidConfiguration */
  start(): Promise<void> {
    return this.#signatures.start()
  }

  close(): void {
    this.#signatures.close()
  }

  /** Never rejects. */
  reload(): Promise<void> {
    return this.#signatures.reload()
  }

  /** @throws what is a fault of the connector */
  async receive({ run, status }: Operation, request: ApiRequest): Promise<ServiceAnswer> {
    try {
      this.#signatures.check(request)
      const { parameters, query, body, origin } = request
      const call = { parameters, query: new URLSearchParams(query), body: parseBody(body), origin }
      return serviceAnswer(status, await run(call))
    } catch (thrown) {
      const exception = exceptionOf(thrown)
      if (exception.status === 403) {
        this.#settings.observer.clientRefused(NAME, request.remote, exception.message)
      }
      return exceptionAnswer(exception)
    }
  }

  /** The answer to a request that the HTTP server refuses. */
  refuse(status: number, message: string): ServiceAnswer {
    const byDefault = status < 500 ? 'InvalidRequestException' : 'InternalFailureException'
    const name = REFUSALS[status] ?? byDefault
    return { ...exceptionAnswer(new ServiceException(name, message)), status }
  }
}

function allOperations(context: ApiContext): readonly Operation[] {
  return [
    ...channelOperations(context),
    ...pipelineOperations(context),
    ...pipelineRunOperations(context),
    ...datastoreOperations(context),
    ...datasetOperations(context),
    ...datasetContentOperations(context),
    ...tagOperations(context),
    ...loggingOperations(context),
  ]
}

/** @throws anything that is no exception of the API */
function exceptionOf(thrown: unknown): ServiceException {
  if (thrown instanceof ServiceException) return thrown
  if (!(thrown instanceof ConnectorError) || thrown.effect === 'fatal') throw thrown
  // Such as an expression that can't be used.
  if (thrown.effect === 'reject')
    return new ServiceException('InvalidRequestException', thrown.message)
  const text = `${thrown.code}: ${thrown.message}`
  return new ServiceException('ServiceUnavailableException', text, RETRY)
}
