/**
 * Which names the server answers to. A web page can make a browser resolve the page's own name to
 * this server's address, and then read what it serves (DNS rebinding). Its requests carry that name.
 * An IP address can't be rebound, so every address is answered.
 */
import { X509Certificate } from 'node:crypto'
import { hostname } from 'node:os'
import { isLocalName } from '../../addresses.ts'
import { quoted } from '../../shown-text.ts'
import { RequestError } from '../requests/request-error.ts'

export class HostNames {
  readonly #names: ReadonlySet<string>
  #certificate: X509Certificate | undefined

  /** `configured` are the names in `http.hosts`; the server's own host name comes by itself. */
  constructor(configured: readonly string[], machine = hostname()) {
    const short = machine.split('.')[0] ?? machine
    // Multicast DNS answers to the last: phones and other computers at the site use it.
    const own = [machine, short, `${short}.local`]
    this.#names = new Set([...own, ...configured].map(comparable).filter((name) => name !== ''))
  }

  /** The names in the server's certificate are its own as well. */
  useCertificate(pem: Buffer | undefined): void {
    this.#certificate = pem === undefined ? undefined : new X509Certificate(pem)
  }

  /** @throws {RequestError} 421 for a name of somebody else. */
  check(hostHeader: string | undefined): void {
    if (hostHeader === undefined || isLocalName(hostHeader)) return
    const name = comparable(hostHeader.replace(/:\d+$/, ''))
    if (this.#names.has(name) || this.#certificate?.checkHost(name) !== undefined) return
    throw new RequestError(
      421,
      'MisdirectedRequest',
      `The request was for ${quoted(hostHeader)}. This server answers to localhost, IP addresses, ` +
        'its host name, and the names in its certificate; http.hosts allows further names.',
    )
  }
}

function comparable(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
