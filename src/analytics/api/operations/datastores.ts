/** Operations on datastores. */
import { isDeepStrictEqual } from 'node:util'
import type * as z from 'zod'
import { arnOf, type ResourceName } from '../../resources/arn.ts'
import {
  type DatastoreDefinition,
  datastoreUpdate,
  newDatastore,
} from '../../resources/datastore-definition.ts'
import type { Resource } from '../../resources/resource-file.ts'
import { presentIn } from '../../resources/values.ts'
import { expectNew, found } from './defined-resources.ts'
import { invalid } from './exceptions.ts'
import { bodyOf, flagText, nameOf, queryOf } from './input.ts'
import type { ApiContext, Operation } from './operation.ts'
import { type PageQuery, pageOf, pageQuery } from './pages.ts'
import { ACTIVE, seconds, timesOf } from './wire-values.ts'

const describeQuery = { includeStatistics: flagText.default(false) }

const path = '/datastores'
const itemPath = '/datastores/:datastoreName'

export function datastoreOperations(context: ApiContext): readonly Operation[] {
  const datastores = new DatastoreOperations(context)
  return [
    {
      name: 'CreateDatastore',
      method: 'POST',
      path,
      status: 201,
      run: (call) => datastores.create(bodyOf(newDatastore, call)),
    },
    {
      name: 'ListDatastores',
      method: 'GET',
      path,
      status: 200,
      run: async (call) => datastores.list(queryOf(pageQuery, call)),
    },
    {
      name: 'DescribeDatastore',
      method: 'GET',
      path: itemPath,
      status: 200,
      run: async (call) =>
        datastores.describe(nameOf('datastoreName', call), queryOf(describeQuery, call)),
    },
    {
      name: 'UpdateDatastore',
      method: 'PUT',
      path: itemPath,
      status: 200,
      run: (call) =>
        datastores.update(nameOf('datastoreName', call), bodyOf(datastoreUpdate, call)),
    },
    {
      name: 'DeleteDatastore',
      method: 'DELETE',
      path: itemPath,
      status: 204,
      run: (call) => datastores.remove(nameOf('datastoreName', call)),
    },
  ]
}

class DatastoreOperations {
  readonly #context: ApiContext

  constructor(context: ApiContext) {
    this.#context = context
  }

  create({
    datastoreName: name,
    tags,
    ...definition
  }: z.infer<typeof newDatastore>): Promise<object> {
    const { resources, owner } = this.#context
    return resources.change(async () => {
      expectNew(this.#context, resourceOf(name))
      await resources.datastores.put(name, { definition, tags })
      return {
        datastoreName: name,
        datastoreArn: arnOf(owner, resourceOf(name)),
        retentionPeriod: definition.retentionPeriod,
      }
    })
  }

  list(query: PageQuery): object {
    const all = this.#context.resources.datastores.list()
    const { items, nextToken } = pageOf('ListDatastores', all, ({ name }) => name, query)
    return { datastoreSummaries: items.map(summaryOf), nextToken }
  }

  describe(name: string, query: { readonly includeStatistics: boolean }): object {
    const { owner, now } = this.#context
    const datastore = this.#find(name)
    const { datastoreStorage: storage, ...rest } = datastore.definition
    const hasStatistics = query.includeStatistics && storage.serviceManagedS3 !== undefined
    const estimatedSizeInBytes = this.#context.datastoreData?.bytes(name) ?? 0
    const size = { estimatedSizeInBytes, estimatedOn: seconds(now()) }
    return {
      datastore: {
        name,
        storage,
        arn: arnOf(owner, resourceOf(name)),
        status: ACTIVE,
        ...rest,
        ...timesOf(datastore),
      },
      ...(hasStatistics ? { statistics: { size } } : {}),
    }
  }

  /** Members that are not given stay as they are. */
  update(name: string, change: z.infer<typeof datastoreUpdate>): Promise<undefined> {
    const { resources } = this.#context
    return resources.change(async () => {
      const { definition: before } = this.#find(name)
      refuseFixedMembers(before, change)
      const {
        datastoreStorage = before.datastoreStorage,
        retentionPeriod = before.retentionPeriod,
      } = change
      const definition = { ...before, datastoreStorage, retentionPeriod }
      await resources.datastores.put(name, { definition })
      return undefined
    })
  }

  remove(name: string): Promise<undefined> {
    const { resources } = this.#context
    return resources.change(async () => {
      this.#find(name)
      const bringBack = await this.#context.datastoreData?.remove(name)
      try {
        await resources.datastores.remove(name)
      } catch (thrown) {
        await bringBack?.()
        throw thrown
      }
      return undefined
    })
  }

  #find(name: string): Resource<DatastoreDefinition> {
    return found(resourceOf(name), this.#context.resources.datastores.get(name))
  }
}

/** @throws {ServiceException} InvalidRequestException */
function refuseFixedMembers(
  definition: DatastoreDefinition,
  { datastoreStorage, fileFormatConfiguration, retentionPeriod }: z.infer<typeof datastoreUpdate>,
): void {
  const [kind = ''] = presentIn(definition.datastoreStorage)
  if (datastoreStorage !== undefined && presentIn(datastoreStorage)[0] !== kind) {
    throw invalid(`datastoreStorage: expected ${kind}, because the kind of storage can't change`)
  }
  if (kind !== 'serviceManagedS3' && retentionPeriod !== undefined) {
    const text = 'because the datastore is in S3 storage that the customer manages'
    throw invalid(`retentionPeriod: expected nothing, ${text}`)
  }
  const { fileFormatConfiguration: format } = definition
  if (fileFormatConfiguration === undefined || isDeepStrictEqual(fileFormatConfiguration, format)) {
    return
  }
  throw invalid(
    `fileFormatConfiguration: expected what the datastore was created with (${presentIn(format)}), because the form of its files can't change`,
  )
}

function summaryOf(datastore: Resource<DatastoreDefinition>): object {
  const { datastoreStorage, fileFormatConfiguration, datastorePartitions } = datastore.definition
  const isJson = fileFormatConfiguration.jsonConfiguration !== undefined
  return {
    datastoreName: datastore.name,
    datastoreStorage,
    status: ACTIVE,
    ...timesOf(datastore),
    fileFormatType: isJson ? 'JSON' : 'PARQUET',
    datastorePartitions,
  }
}

function resourceOf(name: string): ResourceName {
  return { kind: 'datastore', name }
}
