/** IP addresses: which are loopback, and how limits group them. */
import { isIPv4 } from 'node:net'

/** Whether `host` is a name or an address of the loopback interface. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true
  const address = withoutMapping(host)
  return isIPv4(address) && address.startsWith('127.')
}

/**
 * The key for limits per address: an IPv4 address, or the first 64 bits of an IPv6 address, because
 * a client that has one address of a /64 usually has all of them.
 */
export function addressGroup(address: string): string {
  const plain = withoutMapping(address)
  if (isIPv4(plain) || !plain.includes(':')) return plain
  const [head = ''] = plain.split('%')
  const [front = '', back] = head.split('::')
  const groups = front === '' ? [] : front.split(':')
  const behind = back === undefined || back === '' ? [] : back.split(':')
  while (back !== undefined && groups.length + behind.length < 8) groups.push('0')
  return `${[...groups, ...behind].slice(0, 4).join(':')}::/64`
}

export function hostForUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** A socket that listens on `::` reports IPv4 clients as mapped addresses. */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}
