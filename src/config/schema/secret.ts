/** Masks passwords and keys in everything that is printed. */
import { MASK, shownUrl } from '../../addresses.ts'

const SECRET_KEY =
  /pass(word|phrase)|secret|token|credential|private[-_]?key|api[-_]?key|authorization|cookie|-(auth|key)$/i
/** `passwordFile`, `keyPath` and the like name the place of a secret, which may be shown. */
const PLACE_OF_SECRET = /(file|path|url|directory)$/i
const PROXY_KEY = /proxy$/i

/** `value`, or a mask if its key or its content indicates a secret. */
export function withoutSecret(key: string | number | undefined, value: unknown): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') return value
  const name = String(key)
  if (SECRET_KEY.test(name) && !PLACE_OF_SECRET.test(name)) return MASK
  if (typeof value === 'number') return value
  if (value.includes('PRIVATE KEY-----')) return MASK
  const shown = shownUrl(value)
  return PROXY_KEY.test(name) && shown === value ? withoutUser(value) : shown
}

/** Without `http://` the address of a proxy is no URL, but it may begin with a user and password. */
function withoutUser(address: string): string {
  return address.replace(/^.*@/s, `${MASK}@`)
}
