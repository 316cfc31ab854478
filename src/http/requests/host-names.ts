/**
 * Which names the server answers to. A web page can make a browser resolve the page's own name to
 * this server's address, and then read what it serves (DNS rebinding). Its requests carry that name.
 * An IP address can't be rebound, so every address is answered.
 */
import { hostname } from 'node:os'
import { isLocalName } from '../../addresses.ts'
import { quoted } from '../../shown-text.ts'
import { RequestError } from './request-error.ts'

export class HostNames {
  readonly #names: ReadonlySet<string>

  /** `configured` are the names in `http.hosts`; the server's own host name comes by itself. */
  constructor(configured: readonly string[], machine = hostname()) {
    const own = [machine, machine.split('.')[0] ?? machine]
    this.#names = new Set([...own, ...configured].map(comparable).filter((name) => name !== ''))
  }

  /** @throws {RequestError} 421 for a name of somebody else. */
  check(hostHeader: string | undefined): void {
    if (hostHeader === undefined || isLocalName(hostHeader)) return
    if (this.#names.has(comparable(hostHeader.replace(/:\d+$/, '')))) return
    throw new RequestError(
      421,
      'MisdirectedRequest',
      `The request was for ${quoted(hostHeader)}. This server answers to localhost, IP addresses ` +
        'and its host name; http.hosts allows further names.',
    )
  }
}

function comparable(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
