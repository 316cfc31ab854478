/** The plan and what was done, for people and for programs. */
import { cut, printable, safeJson } from '../../../shown-text.ts'
import type { Change, FieldChange } from './plan.ts'

const MAX_VALUE_CHARACTERS = 120
const SIGNS = { create: '+', update: '~', unchanged: '=' } as const
const DONE = { create: 'created', update: 'updated', unchanged: 'unchanged' } as const

/** What became of a change; without an error it was made. */
export interface Outcome {
  readonly change: Change
  readonly error?: string
}

export function planText(changes: readonly Change[]): string {
  const lines = changes.flatMap(({ definition: { kind, name }, action, fields }) => [
    `${SIGNS[action]} ${kind} ${name}`,
    ...fields.map((field) => `    ${fieldText(field, action)}`),
  ])
  return `${[...lines, planSummary(changes)].join('\n')}\n`
}

/** Such as `1 to create, 2 to update, 3 unchanged`. */
function planSummary(changes: readonly Change[]): string {
  const count = (action: Change['action']) => changes.filter((one) => one.action === action).length
  return `${count('create')} to create, ${count('update')} to update, ${count('unchanged')} unchanged`
}

function fieldText({ path, before, after }: FieldChange, action: Change['action']): string {
  if (action === 'create') return `${printable(path)}: ${valueText(after)}`
  return `${printable(path)}: ${valueText(before)} → ${valueText(after)}`
}

function valueText(value: unknown): string {
  if (value === undefined) return '(none)'
  return safeJson(cut(JSON.stringify(value), MAX_VALUE_CHARACTERS))
}

export function outcomeText({ change, error }: Outcome): string {
  const { kind, name } = change.definition
  if (error === undefined) return `${DONE[change.action]} ${kind} ${name}\n`
  return `FAILED ${kind} ${name}: ${printable(error)}\n`
}

export function jsonReport(
  isDryRun: boolean,
  changes: readonly Change[],
  outcomes: readonly Outcome[],
): string {
  const entries = changes.map((change) => {
    const { definition, action, fields } = change
    const { kind, name } = definition
    const outcome = outcomes.find((one) => one.change === change)
    const isDone = outcome !== undefined && outcome.error === undefined
    return { kind, name, action, fields, isDone, error: outcome?.error }
  })
  return `${safeJson(JSON.stringify({ isDryRun, changes: entries }, null, 2))}\n`
}
