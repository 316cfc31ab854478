/** What an error of a connection means, and which setting helps. */
import { messageOf, systemCodeOf } from '../errors.ts'
import type { ConnectionPeer } from './peer.ts'

const ownAuthority = ({ name, ca }: ConnectionPeer) =>
  `. If the ${name}’s certificate comes from an authority of your own, set ${ca} to its PEM file`
const clientCertificate = ({ name, certAndKey }: ConnectionPeer) =>
  `. The ${name} may ask for a client certificate: set ${certAndKey} to one that it accepts`

/** Keyed by the codes of OpenSSL and Node, as `adviceCodeOf` writes them. */
const ADVICE: Readonly<Record<string, (peer: ConnectionPeer) => string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: ownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: ownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: ownAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ name, servername }) =>
    `. If the ${name} is the right one, set ${servername} to a name in its certificate`,
  CERT_HAS_EXPIRED: ({ name }) =>
    `. Renew the ${name}’s certificate, or check this machine’s clock`,
  CERT_NOT_YET_VALID: () => '. Check this machine’s clock',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: clientCertificate,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: clientCertificate,
  ERR_SSL_SSL_TLS_ALERT_HANDSHAKE_FAILURE: clientCertificate,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: clientCertificate,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: clientCertificate,
  ERR_SSL_SSL_TLS_ALERT_BAD_CERTIFICATE: clientCertificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: clientCertificate,
  ERR_SSL_SSL_TLS_ALERT_CERTIFICATE_UNKNOWN: clientCertificate,
}

/** The same for peers whose address is a setting. */
const ADDRESS_ADVICE: Readonly<Record<string, (name: string, address: string) => string>> = {
  ENOTFOUND: (_, address) => `. No name server knows this name: correct ${address}`,
  EAI_AGAIN: (_, address) => `. The name service does not answer: check the network, or ${address}`,
  ECONNREFUSED: (name, address) =>
    `. Nothing listens there: start the ${name}, or correct ${address}`,
  EHOSTUNREACH: (_, address) => `. No network leads there: check the network, or ${address}`,
  ENETUNREACH: (_, address) => `. No network leads there: check the network, or ${address}`,
  ETIMEDOUT: (name, address) =>
    `. The ${name} does not answer: check the network and the firewall, or ${address}`,
  ERR_SSL_WRONG_VERSION_NUMBER: (name, address) =>
    `. The ${name} does not speak TLS: check whether ${address} is right, and whether it needs TLS`,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: (name, address) =>
    `. The ${name} does not speak TLS: check whether ${address} is right, and whether it needs TLS`,
}

/**
 * The message; of OpenSSL's errors only the reason, without its source lines and line feed. Newer
 * versions of Node add a hint at one of its own flags, which is of no use here.
 */
export function connectionMessageOf(error: unknown): string {
  const isOpenSsl = systemCodeOf(error)?.startsWith('ERR_SSL_') === true
  if (!isOpenSsl || !(error instanceof Error) || !('reason' in error)) {
    return messageOf(error).replace(/;[^;]*--use-system-ca$/, '')
  }
  return String(error.reason)
}

/** What to do about the error; empty if there is nothing to add. */
export function connectionAdvice(error: unknown, peer: ConnectionPeer): string {
  const code = adviceCodeOf(error)
  const { name, address } = peer
  const about = address === undefined ? undefined : ADDRESS_ADVICE[code]?.(name, address)
  return ADVICE[code]?.(peer) ?? about ?? ''
}

/** Newer versions of OpenSSL have a slash in some codes, where older ones have an underscore. */
function adviceCodeOf(error: unknown): string {
  return (systemCodeOf(error) ?? '').replaceAll('/', '_')
}
