/** Finds the masks that `check` prints in place of secrets, where a secret should be. */
import { MASK } from '../../addresses.ts'
import type { Problem } from './config-errors.ts'
import type { ConfigTree } from './config-tree.ts'
import type { ConfigPath } from './schema-index.ts'

/** With a mask as the secret, the program would start, and nobody would let it in. */
export function maskedSecrets(tree: ConfigTree): Problem[] {
  const problems: Problem[] = []
  const visit = (value: unknown, path: ConfigPath): void => {
    if (isMasked(value)) {
      const text = `expected the secret itself; ${MASK} is only what check prints in its place`
      problems.push({ path, text, showsValue: false })
    }
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return
    for (const [key, member] of Object.entries(value)) {
      visit(member, [...path, Array.isArray(value) ? Number(key) : key])
    }
  }
  visit(tree.value, [])
  return problems
}

/** A whole value, or the user and password of a URL. */
function isMasked(value: unknown): boolean {
  if (typeof value !== 'string') return false
  return value === MASK || value.includes(`:${MASK}@`) || value.includes(`//${MASK}@`)
}
