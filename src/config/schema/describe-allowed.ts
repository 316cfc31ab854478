/** Describes in words what a schema allows, for errors and for the reference. */
import { branchesOf, keywordOf, type SchemaNode } from './schema-index.ts'

/** `a whole number from 0 to 65535`, `disk or memory`, …; undefined if the schema has no rule. */
export function describeAllowed(node: SchemaNode): string | undefined {
  const branches = branchesOf(node)
  const stated = keywordOf(node, 'expected')
  if (typeof stated === 'string') return stated
  const numeric = branches.filter((branch) => isNumber(branch))
  // The documented parameters accept their numbers as strings too; that is not repeated each time.
  const relevant =
    numeric.length > 0 ? branches.filter((branch) => branch.pattern === undefined) : branches
  const constants = relevant.flatMap((branch) => (branch.const === undefined ? [] : [branch.const]))
  const others = relevant.filter((branch) => branch.const === undefined)
  const words = [
    ...(constants.length > 0 ? [alternatives(constants)] : []),
    ...others.map((branch) => describeBranch(branch, node)).filter((text) => text !== undefined),
  ]
  return words.length === 0 ? undefined : [...new Set(words)].join(' or ')
}

function describeBranch(node: SchemaNode, whole: SchemaNode): string | undefined {
  if (node.enum !== undefined) return alternatives(node.enum.filter((name) => name !== ''))
  switch (node.type) {
    case 'string':
      return textOf(node, whole)
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
      return 'a mapping'
    case 'integer':
    case 'number':
      return `${node.type === 'integer' ? 'a whole number' : 'a number'}${range(node)}`
    default:
      return undefined
  }
}

function textOf(node: SchemaNode, whole: SchemaNode): string {
  if (node.format === 'uri') return 'a URL such as http://host:8090'
  const [example] = whole.examples ?? node.examples ?? []
  return example === undefined ? 'text' : `text such as ${String(example)}`
}

function alternatives(names: readonly unknown[]): string {
  const words = names.map(String)
  return words.length < 3
    ? words.join(' or ')
    : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function range(node: SchemaNode): string {
  const min = bound(node.minimum)
  const max = bound(node.maximum)
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`
  if (min !== undefined) return ` of at least ${min}`
  return max === undefined ? '' : ` of at most ${max}`
}

/** JSON Schema has JavaScript's own limits for every integer; those are left out. */
function bound(limit: number | undefined): number | undefined {
  return limit === undefined || Math.abs(limit) === Number.MAX_SAFE_INTEGER ? undefined : limit
}

function isNumber(node: SchemaNode): boolean {
  return node.type === 'integer' || node.type === 'number'
}
