/** Makes the changes of a plan, one after the other: what is first may be needed by what follows. */
import { messageOf } from '../../../errors.ts'
import type { AnalyticsClient } from './analytics-client.ts'
import type { Definition } from './definition.ts'
import { type Change, changeOf, inOrder } from './plan.ts'
import type { Outcome } from './report.ts'

/** In the order in which they are to be made. */
export async function plannedChanges(
  client: AnalyticsClient,
  definitions: readonly Definition[],
): Promise<Change[]> {
  const changes: Change[] = []
  for (const definition of inOrder(definitions)) {
    const found = await client.describe(definition.kind, definition.name)
    const tags =
      found === undefined || definition.tags === undefined ? [] : await client.tagsOf(found.arn)
    changes.push(changeOf(definition, found && { ...found, tags }))
  }
  return changes
}

/** Stops at the first that fails, which is the last outcome then. */
export async function applied(
  client: AnalyticsClient,
  changes: readonly Change[],
  report: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const change of changes) {
    if (change.action === 'unchanged') continue
    const outcome = await outcomeOf(client, change)
    outcomes.push(outcome)
    report(outcome)
    if (outcome.error !== undefined) break
  }
  return outcomes
}

async function outcomeOf(client: AnalyticsClient, change: Change): Promise<Outcome> {
  try {
    await make(client, change)
    return { change }
  } catch (error) {
    return { change, error: messageOf(error) }
  }
}

async function make(client: AnalyticsClient, change: Change): Promise<void> {
  const { definition, members, current } = change
  const { kind, name, tags } = definition
  if (current === undefined) {
    await client.create(kind, name, members, tags ?? [])
    return
  }
  if (Object.keys(members).length > 0) await client.update(kind, name, members)
  if (tags !== undefined && change.fields.some(({ path }) => isOfTags(path))) {
    await client.changeTags(current.arn, current.tags, tags)
  }
}

function isOfTags(path: string): boolean {
  return path === 'tags' || path.startsWith('tags.')
}
