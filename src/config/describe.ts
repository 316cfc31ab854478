/** The configuration in force as a YAML file of its own, with the place each value came from. */
import { Document, isCollection, isNode, type Node } from 'yaml'
import { BY_DEFAULT } from './derived-defaults.ts'
import type { ConfigTree } from './schema/config-tree.ts'
import type { EffectiveOptions } from './schema/schema.ts'
import type { ConfigPath } from './schema/schema-index.ts'
import { withoutSecret } from './schema/secret.ts'

export interface DescribedConfig {
  readonly effective: EffectiveOptions
  readonly tree: ConfigTree
}

/** Secrets are masked; apart from those the text is a configuration file with the same effect. */
export function describeConfig({ effective, tree }: DescribedConfig): string {
  const document = new Document(shown(undefined, effective))
  annotate(document.contents, [], tree)
  return document.toString({ lineWidth: 0 })
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

/** A copy without secrets and without keys that are not set. */
function shown(key: string | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((entry) => shown(key, entry))
  if (Buffer.isBuffer(value)) return withoutSecret(key, value.toString())
  if (typeof value !== 'object' || value === null) return withoutSecret(key, value)
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [name, shown(name, member)]),
  )
}
