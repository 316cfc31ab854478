/** Who can reach an address, and whether a request was meant for it. */
import { isIP, isIPv4 } from 'node:net'

/** Whether only this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true
  return isIPv4(host) && host.startsWith('127.')
}

/**
 * Whether a `Host` header names this machine and not some site's name. A web page can make a
 * browser resolve the page's own name to 127.0.0.1 and then read what only this machine should
 * (DNS rebinding); its requests carry that name, while an address or `localhost` can't be rebound.
 */
export function isLocalName(hostHeader: string): boolean {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hostHeader)
  const name = bracketed?.[1] ?? hostHeader.replace(/:\d+$/, '')
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')
}
