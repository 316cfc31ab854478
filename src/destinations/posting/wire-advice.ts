/** What it means if a request got no answer, and which setting to look at. */
import { systemCodeOf } from '../../errors.ts'

/** The server, and the setting that names it. */
export interface NamedServer {
  /** Host and port. */
  readonly host: string
  readonly setting: string
}

const ADVICE: Readonly<Record<string, (server: NamedServer) => string>> = {
  ENOTFOUND: ({ host, setting }) =>
    `. No name server knows ${host}: correct ${setting}, or the name service of this machine`,
  EAI_AGAIN: ({ setting }) =>
    `. The name service of this machine does not answer: check the network, or ${setting}`,
  ECONNREFUSED: ({ host, setting }) =>
    `. Nothing listens at ${host}: start the server, or correct ${setting}`,
  EHOSTUNREACH: ({ host }) => `. No network leads to ${host}: check the network and the address`,
  ENETUNREACH: ({ host }) => `. No network leads to ${host}: check the network and the address`,
  ETIMEDOUT: ({ host, setting }) =>
    `. ${host} does not answer: check the firewall, the network and ${setting}`,
  ERR_SSL_WRONG_VERSION_NUMBER: ({ host, setting }) =>
    `. ${host} does not speak TLS: with http://, ${setting} may be right`,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ({ host, setting }) =>
    `. ${host} does not speak TLS: with http://, ${setting} may be right`,
}

/** What to do about the error; empty if there is nothing to add. */
export function wireAdvice(error: unknown, server: NamedServer): string {
  return ADVICE[systemCodeOf(error) ?? '']?.(server) ?? ''
}
