/** Operations on tags. A resource is named by its ARN, in the query. */

import { ServiceException } from '../../../aws-server/service-answer.ts'
import type { ResourceName } from '../../resources/arn.ts'
import { resourceOfArn } from '../../resources/arn.ts'
import { checked } from '../../resources/problems.ts'
import { MAX_TAGS, type Tag, tagKeyList, tagList } from '../../resources/tags.ts'
import { members, text } from '../../resources/values.ts'
import { invalid, notFound } from './exceptions.ts'
import { bodyOf, queryOf } from './input.ts'
import { KnownChannels, PLAIN_CHANNEL } from './known-channels.ts'
import type { ApiContext, Call, Operation } from './operation.ts'

const path = '/tags'
const resourceArn = text({ min: 20, max: 2_048 })
const arnQuery = { resourceArn }
const newTags = members({ tags: tagList })

export function tagOperations(context: ApiContext): readonly Operation[] {
  const tagged = new TaggedResources(context)
  return [
    {
      name: 'ListTagsForResource',
      method: 'GET',
      path,
      status: 200,
      run: async (call) => ({ tags: await tagged.tagsOf(queryOf(arnQuery, call).resourceArn) }),
    },
    {
      name: 'TagResource',
      method: 'POST',
      path,
      status: 204,
      run: (call) => {
        const { tags } = bodyOf(newTags, call)
        return tagged.change(queryOf(arnQuery, call).resourceArn, (before) => merged(before, tags))
      },
    },
    {
      name: 'UntagResource',
      method: 'DELETE',
      path,
      status: 204,
      run: (call) => {
        const { arn, keys } = untagQuery(call)
        return tagged.change(arn, (before) => before.filter(({ key }) => !keys.has(key)))
      },
    },
  ]
}

class TaggedResources {
  readonly #context: ApiContext
  readonly #channels: KnownChannels

  constructor(context: ApiContext) {
    this.#context = context
    this.#channels = new KnownChannels(context.resources, context.channelData)
  }

  async tagsOf(arn: string): Promise<readonly Tag[]> {
    const { kind, name } = this.#resourceOf(arn)
    const { resources } = this.#context
    const resource =
      kind === 'channel' ? await this.#channels.find(name) : resources[`${kind}s`].get(name)
    if (resource === undefined) throw notFound({ kind, name })
    return resource.tags
  }

  /** A channel that nobody has defined gets a definition with its tags. */
  change(arn: string, tagsAfter: (before: readonly Tag[]) => readonly Tag[]): Promise<undefined> {
    const { resources } = this.#context
    return resources.change(async () => {
      const { kind, name } = this.#resourceOf(arn)
      const tags = tagsAfter(await this.tagsOf(arn))
      const defined = resources[`${kind}s`]
      if (kind === 'channel' && defined.get(name) === undefined) {
        await resources.channels.put(name, { definition: PLAIN_CHANNEL, tags })
      } else await defined.retag(name, tags)
      return undefined
    })
  }

  #resourceOf(arn: string): ResourceName {
    const resource = resourceOfArn(this.#context.owner, arn)
    if (resource !== undefined) return resource
    const { region, account } = this.#context.owner
    throw new ServiceException(
      'ResourceNotFoundException',
      `resourceArn: expected arn:aws:iotanalytics:${region}:${account}:<kind>/<name>, got ${arn}`,
    )
  }
}

/** @throws {ServiceException} LimitExceededException */
function merged(before: readonly Tag[], added: readonly Tag[]): readonly Tag[] {
  const values = new Map([...before, ...added].map(({ key, value }) => [key, value]))
  if (values.size <= MAX_TAGS) return [...values].map(([key, value]) => ({ key, value }))
  const text = `A resource has at most ${MAX_TAGS} tags, and with these it would have ${values.size}.`
  throw new ServiceException('LimitExceededException', text)
}

/** `tagKeys` stands in the query once for each key. @throws {ServiceException} */
function untagQuery(call: Call): { readonly arn: string; readonly keys: ReadonlySet<string> } {
  const query = new URLSearchParams(call.query)
  const given = query.getAll('tagKeys')
  query.delete('tagKeys')
  const { resourceArn: arn } = queryOf(arnQuery, { ...call, query })
  const { value: keys, problem } = checked(tagKeyList, given, 'tagKeys')
  if (problem !== undefined) throw invalid(problem)
  return { arn, keys: new Set(keys) }
}
