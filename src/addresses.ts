/** Which IP addresses and host names mean this machine. */
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
