/** The configuration in force as a YAML file, with the origin of each value as a comment. */
import { Document, isCollection, isNode, type Node } from 'yaml'
import { withUnit } from '../unit-options.ts'
import { BY_DEFAULT } from './derived-defaults.ts'
import type { ConfigTree } from './schema/config-tree.ts'
import type { EffectiveOptions } from './schema/schema.ts'
import { type ConfigPath, keywordOf, SchemaIndex } from './schema/schema-index.ts'
import { withoutSecret } from './schema/secret.ts'

export interface DescribedConfig {
  readonly effective: EffectiveOptions
  readonly tree: ConfigTree
}

/** Secrets are masked. Otherwise the text is a configuration file with the same effect. */
export function describeConfig({ effective, tree }: DescribedConfig): string {
  const document = new Document(shown([], effective, new SchemaIndex()))
  annotate(document.contents, [], tree)
  return document.toString({ lineWidth: 0 })
}

/** The same as values, for JSON. */
export function shownConfig({ effective }: DescribedConfig): unknown {
  return shown([], effective, new SchemaIndex())
}

function annotate(node: Node | null, path: ConfigPath, tree: ConfigTree): void {
  if (node === null) return
  if (isCollection(node) && node.items.length > 0) {
    for (const key of keysOf(node.toJSON())) {
      const member = node.get(key, true)
      if (isNode(member)) annotate(member, [...path, key], tree)
    }
    return
  }
  node.comment = ` ${tree.originOfValue(path) ?? BY_DEFAULT}`
}

function keysOf(value: unknown): (string | number)[] {
  if (Array.isArray(value)) return [...value.keys()]
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

/**
 * A copy without secrets and without keys that are not set; durations and sizes have their unit.
 */
function shown(path: ConfigPath, value: unknown, known: SchemaIndex): unknown {
  const key = path.at(-1)
  if (Array.isArray(value)) {
    return value.map((entry, index) => shown([...path, index], entry, known))
  }
  if (Buffer.isBuffer(value)) return withoutSecret(key, value.toString())
  if (typeof value === 'number') {
    const node = known.at(path)
    return node === undefined ? value : withUnit(keywordOf(node, 'quantity'), value)
  }
  if (typeof value !== 'object' || value === null) return withoutSecret(key, value)
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [name, shown([...path, name], member, known)]),
  )
}
