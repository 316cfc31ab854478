/** Settings as YAML, to be put into a configuration file. */
import type { Setting } from '../../../src/http/api/shapes/settings.ts'

type Written = Pick<Setting, 'keys' | 'value'>
type Key = Setting['keys'][number]
interface Branch {
  readonly children: Map<Key, Branch>
  value?: unknown
}

/** YAML takes a longer text for a key only if it is announced. */
const MAX_PLAIN_KEY = 1024

/** Secrets are shown as asterisks, alone or within an address. */
export function hasSecret(value: unknown): boolean {
  return JSON.stringify(value ?? null).includes('****')
}

/**
 * With every entry of the lists that `shown` has a part of: a list has no numbers in YAML, so an
 * entry would take the place of one that is left out.
 */
export function withWholeLists<One extends Written>(
  shown: readonly One[],
  all: readonly One[],
): readonly One[] {
  const lists = new Set(shown.flatMap(({ keys }) => listOf(keys) ?? []))
  const chosen = new Set(shown)
  return all.filter((setting) => chosen.has(setting) || lists.has(listOf(setting.keys) ?? ''))
}

/** The outermost list that the setting is in. */
function listOf(keys: readonly Key[]): string | undefined {
  const at = keys.findIndex((key) => typeof key === 'number')
  return at === -1 ? undefined : JSON.stringify(keys.slice(0, at))
}

export function yamlOf(settings: readonly Written[]): string {
  const root: Branch = { children: new Map() }
  for (const { keys, value } of settings) {
    let branch = root
    for (const key of keys) branch = childOf(branch, key)
    branch.value = value
  }
  return linesOf(root, '').join('\n')
}

function childOf(branch: Branch, key: Key): Branch {
  const known = branch.children.get(key)
  if (known !== undefined) return known
  const child: Branch = { children: new Map() }
  branch.children.set(key, child)
  return child
}

function linesOf({ children }: Branch, indent: string): string[] {
  return [...children].flatMap(([key, child]) => {
    const lead = `${indent}${typeof key === 'number' ? '-' : keyText(key, indent)}`
    if (child.children.size === 0) return `${lead} ${valueText(child.value)}`
    const lines = linesOf(child, `${indent}  `)
    if (typeof key !== 'number') return [lead, ...lines]
    // The first line of an entry is behind its dash.
    return [`${lead} ${(lines[0] ?? '').trimStart()}`, ...lines.slice(1)]
  })
}

function keyText(key: string, indent: string): string {
  const text = plain(key)
  return text.length > MAX_PLAIN_KEY ? `? ${text}\n${indent}:` : `${text}:`
}

/** JSON is YAML, so lists need no rules of their own. */
function valueText(value: unknown): string {
  const text = typeof value === 'string' ? plain(value) : json(value ?? null)
  return hasSecret(value) ? `${text} # a secret, which is not shown` : text
}

/** Without quotes only if YAML cannot take it for anything but this text. */
function plain(text: string): string {
  const isWord = /^[A-Za-z_/][\w./:-]*$/.test(text) && !/:$/.test(text)
  const isOther = /^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
  return isWord && !isOther ? text : json(text)
}

/** Characters that YAML does not allow, or that would change what is read, are escapes. */
function json(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\u009f\p{Cf}\u2028\u2029\ufeff]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}
