/**
 * What the schema of the configuration says at a path: its keys and allowed values. It reads the
 * JSON Schema form, the same that editors use.
 */
import { closest, distance } from 'fastest-levenshtein'
import * as z from 'zod'
import { configSchema } from './schema.ts'

export type ConfigPath = readonly (string | number)[]

export type SchemaNode = z.core.JSONSchema.BaseSchema

/** The schema of configuration files, as JSON Schema (draft 2020-12). */
export function configJsonSchema(): SchemaNode {
  return z.toJSONSchema(configSchema, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    override({ zodSchema, jsonSchema }) {
      // Zod omits these for transformed values; they are given here as they are in the file.
      const { default: fallback, examples } = z.globalRegistry.get(zodSchema) ?? {}
      if (fallback !== undefined) jsonSchema.default = fallback
      if (Array.isArray(examples)) jsonSchema.examples = examples
    },
  })
}

export class SchemaIndex {
  #schema: SchemaNode | undefined

  /** Created on first use: a configuration without problems or overrides does not need it. */
  get #root(): SchemaNode {
    this.#schema ??= configJsonSchema()
    return this.#schema
  }

  /** The schema at `path`; undefined if there is no such key. */
  at(path: ConfigPath): SchemaNode | undefined {
    let node: SchemaNode | undefined = this.#root
    for (const key of path) {
      if (node === undefined) return undefined
      node = childOf(node, key)
    }
    return node
  }

  keysAt(path: ConfigPath): string[] {
    const node = this.at(path)
    return node === undefined ? [] : keysOf(node)
  }

  /** Whether a value at `path` can only be text, so that `1883` means "1883". */
  isText(path: ConfigPath): boolean {
    const node = this.at(path)
    return node !== undefined && branchesOf(node).every((branch) => branch.type === 'string')
  }

  isMapping(path: ConfigPath): boolean {
    const node = this.at(path)
    return node !== undefined && branchesOf(node).some((branch) => branch.type === 'object')
  }

  /** The path that was probably meant by `path`, which ends with an unknown key. */
  nearest(path: ConfigPath): ConfigPath | undefined {
    const wrong = String(path.at(-1))
    const parent = path.slice(0, -1)
    const sibling = nearestName(wrong, this.keysAt(parent))
    if (sibling !== undefined) return [...parent, sibling]
    const elsewhere = this.paths().filter((known) => sameName(String(known.at(-1)), wrong))
    return elsewhere.length === 1 ? elsewhere[0] : undefined
  }

  /** Every path of the schema, including mappings. The entries of a list have index 0. */
  paths(): ConfigPath[] {
    const found: ConfigPath[] = []
    const visit = (path: ConfigPath, node: SchemaNode): void => {
      if (path.length > 0) found.push(path)
      for (const key of keysOf(node)) {
        const child = childOf(node, key)
        if (child !== undefined) visit([...path, key], child)
      }
      const entry = childOf(node, 0)
      if (entry !== undefined) visit([...path, 0], entry)
    }
    visit([], this.#root)
    return found
  }
}

/** The name that was probably meant by `wrong`: few edits away, or different only in case. */
export function nearestName(wrong: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined
  const alike = names.find((name) => sameName(name, wrong))
  if (alike !== undefined) return alike
  const plain = names.map(plainName)
  const nearest = closest(plainName(wrong), plain)
  const slips = distance(plainName(wrong), nearest)
  return slips <= Math.min(3, nearest.length / 2) ? names[plain.indexOf(nearest)] : undefined
}

export function branchesOf(node: SchemaNode): SchemaNode[] {
  const branches = node.anyOf ?? node.oneOf
  return branches === undefined ? [node] : branches.flatMap((branch) => branchesOf(asNode(branch)))
}

/** A keyword of our own that a part's options set on the node, or on a branch of it. */
export function keywordOf(node: SchemaNode, keyword: 'expected' | 'quantity'): unknown {
  return [node, ...branchesOf(node)].map((branch) => branch[keyword]).find(Boolean)
}

function childOf(node: SchemaNode, key: string | number): SchemaNode | undefined {
  for (const branch of branchesOf(node)) {
    const child =
      typeof key === 'number' ? entryOf(branch) : ownMember(branch.properties ?? {}, key)
    if (child !== undefined) return child
    if (typeof key === 'string' && typeof branch.additionalProperties === 'object') {
      return branch.additionalProperties
    }
  }
  return undefined
}

function entryOf(node: SchemaNode): SchemaNode | undefined {
  if (node.type !== 'array' || Array.isArray(node.items) || node.items === undefined) {
    return undefined
  }
  return asNode(node.items)
}

function ownMember(
  properties: Record<string, SchemaNode | boolean>,
  key: string,
): SchemaNode | undefined {
  const member = Object.hasOwn(properties, key) ? properties[key] : undefined
  return member === undefined ? undefined : asNode(member)
}

function keysOf(node: SchemaNode): string[] {
  return branchesOf(node).flatMap((branch) => Object.keys(branch.properties ?? {}))
}

function asNode(schema: SchemaNode | boolean): SchemaNode {
  return typeof schema === 'boolean' ? {} : schema
}

function sameName(one: string, other: string): boolean {
  return plainName(one) === plainName(other)
}

/** `maxBytes`, `max_bytes` and `MAX-BYTES` have the same plain name. */
export function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '')
}
