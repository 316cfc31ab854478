/** Operations on datasets. */
import type * as z from 'zod'
import { arnOf, type ResourceName } from '../../resources/arn.ts'
import {
  type DatasetDefinition,
  datasetDefinition,
  isSqlDataset,
  newDataset,
  triggeringDatasetOf,
} from '../../resources/dataset-definition.ts'
import type { Resource } from '../../resources/resource-file.ts'
import { expectNew, found } from './defined-resources.ts'
import { invalid } from './exceptions.ts'
import { bodyOf, nameOf, queryOf } from './input.ts'
import type { ApiContext, Operation } from './operation.ts'
import { type PageQuery, pageOf, pageQuery } from './pages.ts'
import { ACTIVE, timesOf } from './wire-values.ts'

/** Quota, Container datasets triggered per SQL dataset. */
const MAX_TRIGGERED = 10

const path = '/datasets'
const itemPath = '/datasets/:datasetName'

export function datasetOperations(context: ApiContext): readonly Operation[] {
  const datasets = new DatasetOperations(context)
  return [
    {
      name: 'CreateDataset',
      method: 'POST',
      path,
      status: 201,
      run: (call) => datasets.create(bodyOf(newDataset, call)),
    },
    {
      name: 'ListDatasets',
      method: 'GET',
      path,
      status: 200,
      run: async (call) => datasets.list(queryOf(pageQuery, call)),
    },
    {
      name: 'DescribeDataset',
      method: 'GET',
      path: itemPath,
      status: 200,
      run: async (call) => datasets.describe(nameOf('datasetName', call)),
    },
    {
      name: 'UpdateDataset',
      method: 'PUT',
      path: itemPath,
      status: 200,
      run: (call) => datasets.update(nameOf('datasetName', call), bodyOf(datasetDefinition, call)),
    },
    {
      name: 'DeleteDataset',
      method: 'DELETE',
      path: itemPath,
      status: 204,
      run: (call) => datasets.remove(nameOf('datasetName', call)),
    },
  ]
}

class DatasetOperations {
  readonly #context: ApiContext

  constructor(context: ApiContext) {
    this.#context = context
  }

  create({ datasetName: name, tags, ...definition }: z.infer<typeof newDataset>): Promise<object> {
    const { resources, owner, datasetRunner } = this.#context
    return resources.change(async () => {
      expectNew(this.#context, resourceOf(name))
      this.#checkTrigger(name, definition)
      await datasetRunner?.removed(name)
      await resources.datasets.put(name, { definition, tags })
      const { retentionPeriod } = definition
      return { datasetName: name, datasetArn: arnOf(owner, resourceOf(name)), retentionPeriod }
    })
  }

  list(query: PageQuery): object {
    const all = this.#context.resources.datasets.list()
    const { items, nextToken } = pageOf('ListDatasets', all, ({ name }) => name, query)
    return { datasetSummaries: items.map(summaryOf), nextToken }
  }

  describe(name: string): object {
    const dataset = this.#find(name)
    const arn = arnOf(this.#context.owner, resourceOf(name))
    return { dataset: { name, arn, status: ACTIVE, ...dataset.definition, ...timesOf(dataset) } }
  }

  /** Replaces the whole definition. */
  update(name: string, definition: DatasetDefinition): Promise<undefined> {
    const { resources } = this.#context
    return resources.change(async () => {
      this.#find(name)
      this.#checkTrigger(name, definition)
      await resources.datasets.put(name, { definition })
      return undefined
    })
  }

  remove(name: string): Promise<undefined> {
    const { resources, datasetRunner } = this.#context
    return resources.change(async () => {
      this.#find(name)
      await resources.datasets.remove(name)
      await datasetRunner?.removed(name)
      return undefined
    })
  }

  /** The dataset that triggers it must be one of SQL, and not trigger too many. */
  #checkTrigger(name: string, definition: DatasetDefinition): void {
    const { datasets } = this.#context.resources
    const trigger = triggeringDatasetOf(definition)
    if (trigger === undefined) return
    const found = datasets.get(trigger)
    if (found === undefined || !isSqlDataset(found.definition)) {
      throw invalid(`triggers: expected a dataset with a queryAction, got ${trigger}`)
    }
    const others = datasets
      .list()
      .filter((one) => one.name !== name && triggeringDatasetOf(one.definition) === trigger)
    if (others.length < MAX_TRIGGERED) return
    throw invalid(
      `triggers: expected a dataset that triggers at most ${MAX_TRIGGERED}, got ${trigger}`,
    )
  }

  #find(name: string): Resource<DatasetDefinition> {
    return found(resourceOf(name), this.#context.resources.datasets.get(name))
  }
}

function summaryOf(dataset: Resource<DatasetDefinition>): object {
  const { triggers = [], actions } = dataset.definition
  return {
    datasetName: dataset.name,
    status: ACTIVE,
    ...timesOf(dataset),
    triggers,
    actions: actions.map(({ actionName, queryAction }) => ({
      actionName,
      actionType: queryAction === undefined ? 'CONTAINER' : 'QUERY',
    })),
  }
}

function resourceOf(name: string): ResourceName {
  return { kind: 'dataset', name }
}
