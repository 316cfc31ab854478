/** Every setting in effect, with the place where it was set: for the operator. */
import type { Setting, Settings } from '../http/api/shapes/settings.ts'
import { BY_DEFAULT } from './derived-defaults.ts'
import { type DescribedConfig, shownConfig } from './describe.ts'
import { isMapping, pathText } from './schema/config-tree.ts'
import { type ConfigPath, SchemaIndex } from './schema/schema-index.ts'

/** Secrets are masked; durations and sizes have their unit. */
export function shownSettings(
  described: DescribedConfig & { readonly files: readonly string[] },
): Settings {
  const known = new SchemaIndex()
  const settings: Setting[] = []
  const visit = (value: unknown, path: ConfigPath): void => {
    const members = membersOf(value)
    if (members.length > 0) {
      for (const [key, member] of members) visit(member, [...path, key])
      return
    }
    const origin = described.tree.originOfValue(path)
    settings.push({
      path: pathText(path),
      keys: [...path],
      value,
      from: origin === undefined ? BY_DEFAULT : withoutColumn(origin),
      isDefault: origin === undefined,
      description: known.at(path)?.description ?? null,
    })
  }
  visit(shownConfig(described), [])
  return { files: [...described.files], settings }
}

/** A list of plain values is one setting. */
function membersOf(value: unknown): [string | number, unknown][] {
  if (isMapping(value)) return Object.entries(value)
  if (!Array.isArray(value) || !value.some(isMapping)) return []
  return [...value.entries()]
}

/** `connector.yaml:12` of `connector.yaml:12:3`. */
function withoutColumn(origin: string): string {
  return origin.replace(/^(.*:\d+):\d+$/, '$1')
}
