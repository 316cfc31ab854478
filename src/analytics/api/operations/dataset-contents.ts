/** Operations on the content of datasets: what a dataset's action has made, by version. */
import { ServiceException } from '../../../aws-server/service-answer.ts'
import { members, text } from '../../resources/values.ts'
import type { DatasetVersion } from '../contracts/dataset-runner.ts'
import { notFound, unsupported } from './exceptions.ts'
import { bodyOf, nameOf, queryOf, timeText } from './input.ts'
import type { ApiContext, Call, Operation } from './operation.ts'
import { pageOf, pageQuery } from './pages.ts'
import { seconds } from './wire-values.ts'

const LATEST = '$LATEST_SUCCEEDED'
const versionId = text({ min: 7, max: 36 })
const versionQuery = { versionId: versionId.default(LATEST) }
const creation = members({ versionId: versionId.optional() })
const listQuery = {
  ...pageQuery,
  scheduledOnOrAfter: timeText.optional(),
  scheduledBefore: timeText.optional(),
}

const path = '/datasets/:datasetName/content'

export function datasetContentOperations(context: ApiContext): readonly Operation[] {
  return [
    {
      name: 'CreateDatasetContent',
      method: 'POST',
      path,
      status: 200,
      run: (call) => createContent(context, call),
    },
    {
      name: 'GetDatasetContent',
      method: 'GET',
      path,
      status: 200,
      run: (call) => getContent(context, call),
    },
    {
      name: 'DeleteDatasetContent',
      method: 'DELETE',
      path,
      status: 204,
      run: (call) => deleteContent(context, call),
    },
    {
      name: 'ListDatasetContents',
      method: 'GET',
      path: '/datasets/:datasetName/contents',
      status: 200,
      run: (call) => listContents(context, call),
    },
  ]
}

async function createContent(context: ApiContext, call: Call): Promise<object> {
  const { versionId: version } = bodyOf(creation, call)
  const dataset = datasetOf(context, call)
  const { datasetRunner: runner } = context
  if (runner === undefined) throw unsupported('CreateDatasetContent', 'datasets')
  const versionId = await runner.createContent(dataset, version)
  if (versionId === undefined) throw noContent(dataset, version ?? '')
  return { versionId }
}

async function getContent(context: ApiContext, call: Call): Promise<object> {
  const { versionId: version } = queryOf(versionQuery, call)
  const dataset = datasetOf(context, call)
  const content = await context.datasetRunner?.content(dataset, version, call.origin)
  if (content === undefined) throw noContent(dataset, version)
  const { entries, createdAt, status } = content
  return { entries, timestamp: seconds(createdAt), status }
}

async function deleteContent(context: ApiContext, call: Call): Promise<undefined> {
  const { versionId: version } = queryOf(versionQuery, call)
  const dataset = datasetOf(context, call)
  const isDeleted = await context.datasetRunner?.deleteContent(dataset, version)
  if (isDeleted !== true) throw noContent(dataset, version)
}

async function listContents(context: ApiContext, call: Call): Promise<object> {
  const query = queryOf(listQuery, call)
  const dataset = datasetOf(context, call)
  const { scheduledOnOrAfter = 0, scheduledBefore = Number.POSITIVE_INFINITY } = query
  const all = (await context.datasetRunner?.contents(dataset)) ?? []
  const asked = all.filter(
    ({ scheduledAt }) => scheduledAt >= scheduledOnOrAfter && scheduledAt < scheduledBefore,
  )
  const { items, nextToken } = pageOf('ListDatasetContents', asked, placeOf, query)
  return { datasetContentSummaries: items.map(summaryOf), nextToken }
}

function summaryOf(content: DatasetVersion): object {
  const { version, status, createdAt, scheduledAt, completedAt } = content
  return {
    version,
    status,
    creationTime: seconds(createdAt),
    scheduleTime: seconds(scheduledAt),
    completionTime: seconds(completedAt),
  }
}

/** Text in the order of the list: the newest has the smallest. */
function placeOf({ createdAt, version }: DatasetVersion): string {
  return `${(Number.MAX_SAFE_INTEGER - createdAt).toString().padStart(16, '0')} ${version}`
}

/** @throws {ServiceException} */
function datasetOf({ resources }: ApiContext, call: Call): string {
  const name = nameOf('datasetName', call)
  if (resources.datasets.get(name) === undefined) throw notFound({ kind: 'dataset', name })
  return name
}

function noContent(dataset: string, version: string): ServiceException {
  const text = `Dataset ${dataset} has no content ${version}.`
  return new ServiceException('ResourceNotFoundException', text)
}
