/**
 * Where a definition of Greengrass v1 has its list: `InitialVersion` is what `create-…-definition`
 * takes, `Definition` what `get-…-definition-version` gives.
 */
import { isMapping } from '../schema/config-tree.ts'
import type { ConfigPath } from '../schema/schema-index.ts'

export interface DefinitionList {
  readonly entries: readonly unknown[]
  /** The path of the list in the file. */
  readonly path: ConfigPath
}

/** Undefined if there is none. A file that is only a list is taken for the one asked for. */
export function definitionList(
  value: unknown,
  name: 'Connectors' | 'Subscriptions' | 'Functions' | 'Devices',
): DefinitionList | undefined {
  if (Array.isArray(value)) return { entries: value, path: [] }
  if (!isMapping(value)) return undefined
  for (const path of [[], ['InitialVersion'], ['Definition']]) {
    const [outer] = path
    const holder = outer === undefined ? value : value[outer]
    if (!isMapping(holder) || !Array.isArray(holder[name])) continue
    return { entries: holder[name], path: [...path, name] }
  }
  return undefined
}
