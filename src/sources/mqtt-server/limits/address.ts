/** Internet addresses, as far as limits and open doors are concerned. */
import { isIPv4 } from 'node:net'

/** Whether only this machine can reach a server that listens on `host`, or is `host` itself. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true
  const address = withoutMapping(host)
  return isIPv4(address) && address.startsWith('127.')
}

/**
 * What limits per address count by: an IPv4 address, or the first 64 bits of an IPv6 address, since
 * whoever has one of those has them all.
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

/** An IPv4 client at a socket that listens on `::`. */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}
