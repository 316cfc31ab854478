/** Settings as YAML, to be put into a configuration file. */
import type { Setting } from '../../../src/http/api/shapes/settings.ts'

/** The value that secrets are shown as. */
export const SECRET = '****'

type Key = string | number
interface Branch {
  readonly children: Map<Key, Branch>
  value?: unknown
}

export function yamlOf(settings: readonly Setting[]): string {
  const root: Branch = { children: new Map() }
  for (const { path, value } of settings) {
    let branch = root
    for (const key of keysOf(path)) branch = childOf(branch, key)
    branch.value = value
  }
  return linesOf(root, '').join('\n')
}

/** `destinations[0].s3.bucket` is `destinations`, 0, `s3`, `bucket`; `channels["a.b"]` has two. */
function keysOf(path: string): readonly Key[] {
  return [...path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(
    ([, index, quoted, plain = '']) => (index === undefined ? (quoted ?? plain) : Number(index)),
  )
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
    const lead = typeof key === 'number' ? `${indent}-` : `${indent}${plain(key)}:`
    if (child.children.size === 0) return `${lead} ${valueText(child.value)}`
    const lines = linesOf(child, `${indent}  `)
    if (typeof key !== 'number') return [lead, ...lines]
    // The first line of an entry is behind its dash.
    return [`${lead} ${(lines[0] ?? '').trimStart()}`, ...lines.slice(1)]
  })
}

/** JSON is YAML, so objects and lists need no rules of their own. */
function valueText(value: unknown): string {
  if (value === SECRET) return `${JSON.stringify(SECRET)} # a secret, which is not shown`
  return typeof value === 'string' ? plain(value) : JSON.stringify(value ?? null)
}

/** Without quotes only if YAML cannot take it for anything but this text. */
function plain(text: string): string {
  const isWord = /^[A-Za-z_/][\w./:-]*$/.test(text) && !/:$/.test(text)
  const isOther = /^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
  return isWord && !isOther ? text : JSON.stringify(text)
}
