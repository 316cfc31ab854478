/** How limits group IP addresses. */
import { isIPv4 } from 'node:net'
import { withoutMapping } from '../../../addresses.ts'

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
