/** What defines a pipeline: its activities, in any order, each with the name of the next. */
import type * as z from 'zod'
import { type PipelineActivity, pipelineActivity } from './pipeline-activity.ts'
import { tagList } from './tags.ts'
import { listOf, members, resourceName } from './values.ts'

/** Quota, Activities per pipeline. */
const MAX_ACTIVITIES = 25

export const pipelineActivities = listOf(pipelineActivity, 2, MAX_ACTIVITIES).superRefine(
  (activities, context) => {
    const problem = problemOf(activities)
    if (problem === undefined) return
    const { path, message } = problem
    context.addIssue({ code: 'custom', path: [...path], message, input: valueAt(activities, path) })
  },
)

export const pipelineDefinition = members({ pipelineActivities })
export const newPipeline = members({
  pipelineName: resourceName,
  pipelineActivities,
  tags: tagList.optional(),
})

export type PipelineDefinition = z.infer<typeof pipelineDefinition>

/** The part that all kinds have. */
interface Step {
  readonly kind: string
  readonly name: string
  readonly next: string | undefined
  /** In the list. */
  readonly index: number
}

interface ChainProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** From the channel to the datastore, as `next` leads, of a valid definition. */
export function orderedActivities({ pipelineActivities }: PipelineDefinition): PipelineActivity[] {
  const steps = stepsOf(pipelineActivities)
  const ordered = stepsFrom(
    steps.find(({ kind }) => kind === 'channel'),
    steps,
  )
  return ordered.flatMap(({ index }) => pipelineActivities[index] ?? [])
}

function problemOf(activities: readonly PipelineActivity[]): ChainProblem | undefined {
  const steps = stepsOf(activities)
  return problemOfKinds(steps) ?? problemOfNames(steps) ?? problemOfOrder(steps)
}

function problemOfKinds(steps: readonly Step[]): ChainProblem | undefined {
  for (const kind of ['channel', 'datastore']) {
    const count = steps.filter((step) => step.kind === kind).length
    if (count !== 1) return { path: [], message: `expected one ${kind} activity, not ${count}` }
  }
  return undefined
}

function problemOfNames(steps: readonly Step[]): ChainProblem | undefined {
  const names = new Set<string>()
  for (const { index, kind, name, next } of steps) {
    if (names.has(name)) {
      return { path: [index, kind, 'name'], message: 'expected a name that no other activity has' }
    }
    names.add(name)
    const isKnown = steps.some((step) => step.name === next)
    if (kind !== 'datastore' && !isKnown) {
      return { path: [index, kind, 'next'], message: 'expected the name of another activity' }
    }
  }
  return undefined
}

function problemOfOrder(steps: readonly Step[]): ChainProblem | undefined {
  const ordered = stepsFrom(
    steps.find(({ kind }) => kind === 'channel'),
    steps,
  )
  if (ordered.length === steps.length && ordered.at(-1)?.kind === 'datastore') return undefined
  const names = ordered.map(({ name }) => name).join(', ')
  return {
    path: [],
    message: `expected next to lead from the channel activity through all others to the datastore activity, but it leads through ${names} alone`,
  }
}

/** Ends before a step that was passed already. */
function stepsFrom(first: Step | undefined, steps: readonly Step[]): Step[] {
  const ordered: Step[] = []
  const byName = new Map(steps.map((step) => [step.name, step]))
  for (let step = first; step !== undefined && !ordered.includes(step); ) {
    ordered.push(step)
    step = step.next === undefined ? undefined : byName.get(step.next)
  }
  return ordered
}

function stepsOf(activities: readonly PipelineActivity[]): Step[] {
  return activities.flatMap((activity, index) =>
    Object.entries(activity).flatMap(([kind, one]) => {
      if (one === undefined) return []
      const next = 'next' in one ? one.next : undefined
      return [{ kind, name: one.name, next, index }]
    }),
  )
}

function valueAt(value: unknown, path: ChainProblem['path']): unknown {
  return path.reduce<unknown>((at, key) => Object(at)[key], value)
}
