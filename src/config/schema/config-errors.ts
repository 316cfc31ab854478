/**
 * What is wrong with a configuration, in lines for people: the path, where it was set, what was
 * expected, what came, and the name that was probably meant.
 */
import type * as z from 'zod'
import { ConnectorError } from '../../errors.ts'
import { type ConfigTree, isMapping, pathText } from './config-tree.ts'
import { describeAllowed } from './describe-allowed.ts'
import { type ConfigPath, nearestName, type SchemaIndex } from './schema-index.ts'
import { withoutSecret } from './secret.ts'

export interface Problem {
  readonly path: ConfigPath
  /** Goes after the path: `expected …` or `unknown key…`. */
  readonly text: string
  /** Whether the line ends with the value. */
  readonly showsValue: boolean
  /** For an unknown key: the path that was probably meant. */
  readonly meant?: ConfigPath | undefined
  /** Whether the line names the place of the key, not that of its value. */
  readonly isAboutKey?: boolean
}

/**
 * The parser is asked to put this in place of Zod's own messages, which say less than the schema.
 * A message that a part's options declare is kept: it says more.
 */
export const NO_OWN_WORDS = ''

const MAX_SHOWN_CHARACTERS = 80
const LENGTHS: Readonly<Record<string, { readonly name: string; readonly unit: string }>> = {
  string: { name: 'text', unit: 'characters' },
  array: { name: 'a list', unit: 'entries' },
}

export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  tree: ConfigTree,
  known: SchemaIndex,
): Problem[] {
  const problems = issues.flatMap((issue) => problemsOfIssue(issue, [], tree, known))
  const meant = new Set(problems.map((problem) => pathText(problem.meant ?? [])))
  // `iotAnalytcs: {}` is one mistake, not an unknown key and a missing one.
  return problems.filter(
    (problem) =>
      problem.meant !== undefined ||
      tree.get(problem.path) !== undefined ||
      !meant.has(pathText(problem.path)),
  )
}

/** All problems in one error, so that they can be fixed together. */
export function invalidConfiguration(problems: readonly Problem[], tree: ConfigTree) {
  const lines = problems.map((problem) => `  ${problemLine(problem, tree)}`)
  const count = lines.length === 1 ? 'a problem' : `${lines.length} problems`
  return new ConnectorError(
    'InvalidConfiguration',
    `The configuration has ${count}:\n${lines.join('\n')}`,
  )
}

function problemLine(problem: Problem, tree: ConfigTree): string {
  const origin =
    problem.isAboutKey === true ? tree.originOfKey(problem.path) : tree.originOf(problem.path)
  const where = `${pathText(problem.path) || 'configuration'}${origin === undefined ? '' : ` (${origin})`}`
  const given = problem.showsValue
    ? `, got ${shownValue(problem.path.at(-1), tree.get(problem.path))}`
    : ''
  return `${where}: ${problem.text}${given}`
}

/** A value as it may be shown in an error: short, and without secrets. */
export function shownValue(key: string | number | undefined, value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (isMapping(value)) return 'a mapping'
  const text = JSON.stringify(withoutSecret(key, value)) ?? String(value)
  return text.length <= MAX_SHOWN_CHARACTERS ? text : `${text.slice(0, MAX_SHOWN_CHARACTERS)}…`
}

function problemsOfIssue(
  issue: z.core.$ZodIssue,
  base: ConfigPath,
  tree: ConfigTree,
  known: SchemaIndex,
): Problem[] {
  const path = [...base, ...issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...path, key], known))
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branch = meantBranch(issue.errors)
    if (branch !== undefined) {
      return branch.flatMap((inner) => problemsOfIssue(inner, path, tree, known))
    }
  }
  if (issue.code === 'invalid_key') {
    const text = issue.issues[0]?.message ?? issue.message
    return [{ path, text, showsValue: false }]
  }
  return [{ path, text: textOf(issue, path, tree, known), showsValue: showsValueOf(issue) }]
}

/** The branch of a union whose type fits the value. */
function meantBranch(branches: z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  return branches.find((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  )
}

function unknownKey(path: ConfigPath, known: SchemaIndex): Problem {
  const meant = known.nearest(path)
  const siblings = known.keysAt(path.slice(0, -1)).filter((key) => key !== '$schema')
  const hint =
    meant === undefined ? `known here: ${siblings.join(', ')}` : `did you mean ${pathText(meant)}?`
  return { path, text: `unknown key; ${hint}`, showsValue: false, meant, isAboutKey: true }
}

function showsValueOf(issue: z.core.$ZodIssue): boolean {
  return issue.code !== 'custom' || issue.params?.['showsValue'] === true
}

function textOf(
  issue: z.core.$ZodIssue,
  path: ConfigPath,
  tree: ConfigTree,
  known: SchemaIndex,
): string {
  if (issue.message !== NO_OWN_WORDS) return suggested(issue.message, issue, path, tree)
  const node = known.at(path)
  const expected = lengthOf(issue) ?? (node === undefined ? undefined : describeAllowed(node))
  return suggested(`expected ${expected ?? 'another value'}`, issue, path, tree)
}

/** The expected length of a text or list. The schema describes the bounds of numbers. */
function lengthOf(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code !== 'too_small' && issue.code !== 'too_big') return undefined
  const what = LENGTHS[issue.origin]
  if (what === undefined) return undefined
  if (issue.code === 'too_big') return `${what.name} of at most ${issue.maximum} ${what.unit}`
  if (issue.minimum === 1) return `${what.name} that is not empty`
  return `${what.name} of at least ${issue.minimum} ${what.unit}`
}

function suggested(
  text: string,
  issue: z.core.$ZodIssue,
  path: ConfigPath,
  tree: ConfigTree,
): string {
  if (issue.code !== 'invalid_value') return text
  const names = issue.values.filter((value) => typeof value === 'string' && value !== '')
  const near = nearestName(String(tree.get(path)), names.map(String))
  return near === undefined ? text : `${text} (did you mean ${near}?)`
}
