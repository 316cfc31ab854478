/** Which IP addresses and host names mean this machine; URLs without their secrets. */
import { isIP, isIPv4 } from 'node:net'

/** Whether `host` is a name or an address of the loopback interface: nobody else reaches it. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true
  const address = withoutMapping(host)
  return isIPv4(address) && address.startsWith('127.')
}

/** A socket that listens on `::` reports IPv4 clients as mapped addresses. */
export function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/** Whether the text is an IP address, or a network such as 10.0.0.0/8 or fd00::/8. */
export function isAddressRange(text: string): boolean {
  const [address = '', bits, ...others] = text.split('/')
  const version = isIP(address)
  if (version === 0 || others.length > 0) return false
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  )
}

/** The host as a URL has it: IPv6 addresses in brackets. */
export function hostForUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/**
 * Whether a `Host` header names this machine and not a web site. A web page can make a browser
 * resolve the page's own name to 127.0.0.1 and then read what only this machine should (DNS
 * rebinding). Its requests carry that name, while an address or `localhost` can't be rebound.
 */
export function isLocalName(hostHeader: string): boolean {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hostHeader)
  const name = bracketed?.[1] ?? hostHeader.replace(/:\d+$/, '')
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')
}

/** Stands for a secret in everything that is printed. */
export const MASK = '********'

/** The password may hold any character, so it ends at the last `@`. */
const PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/[^:/@?#]*):.*@/i
const USER = /^([a-z][a-z0-9+.-]*:\/\/)[^:/@?#]+@/i
const QUERY_OR_FRAGMENT = /^([a-z][a-z0-9+.-]*:\/\/[^?#]*)([?#]).*$/is

/**
 * A URL as it may be printed. Passwords, names without a password, queries and fragments are
 * masked: presigned addresses and tokens are there. Any other text is returned unchanged.
 */
export function shownUrl(url: string): string {
  const masked = url.replace(PASSWORD, `$1:${MASK}@`).replace(USER, `$1${MASK}@`)
  return masked.replace(QUERY_OR_FRAGMENT, `$1$2${MASK}`)
}

/** A text that may quote the URL, such as an error, without the URL's secrets. */
export function withoutSecretsOf(url: string, text: string): string {
  const query = /[?#]/.exec(url)
  const isSecret = query !== null && query.index + 1 < url.length
  const masked = text.replaceAll(url, shownUrl(url))
  return isSecret ? masked.replaceAll(url.slice(query.index + 1), MASK) : masked
}
