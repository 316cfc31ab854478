/** What an error of TLS means, and which setting helps. */
import { messageOf, systemCodeOf } from '../../errors.ts'

const OWN_AUTHORITY =
  '. If the endpoint’s certificate comes from an authority of your own, set destinations.iotAnalytics.tls.ca to its PEM file'
const CLIENT_CERTIFICATE =
  '. The endpoint may ask for a client certificate: set destinations.iotAnalytics.tls.cert and tls.key to one that it accepts'

/** Keyed by the codes of OpenSSL and Node, as `adviceCodeOf` writes them. */
const ADVICE: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: OWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: OWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: OWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: OWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: OWN_AUTHORITY,
  ERR_TLS_CERT_ALTNAME_INVALID:
    '. If the endpoint is the right one, set destinations.iotAnalytics.tls.servername to a name in its certificate',
  CERT_HAS_EXPIRED: '. Renew the endpoint’s certificate, or check this machine’s clock',
  CERT_NOT_YET_VALID: '. Check this machine’s clock',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: CLIENT_CERTIFICATE,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: CLIENT_CERTIFICATE,
  ERR_SSL_SSL_TLS_ALERT_HANDSHAKE_FAILURE: CLIENT_CERTIFICATE,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: CLIENT_CERTIFICATE,
}

/**
 * The message; of OpenSSL's errors only the reason, without its source lines and line feed. Newer
 * versions of Node add a hint at one of its own flags, which is of no use here.
 */
export function tlsMessageOf(error: unknown): string {
  const isOpenSsl = systemCodeOf(error)?.startsWith('ERR_SSL_') === true
  if (!isOpenSsl || !(error instanceof Error) || !('reason' in error)) {
    return messageOf(error).replace(/;[^;]*--use-system-ca$/, '')
  }
  return String(error.reason)
}

/** What to do about the error; empty if there is nothing to add. */
export function tlsAdvice(error: unknown): string {
  return ADVICE[adviceCodeOf(error)] ?? ''
}

/** Newer versions of OpenSSL have a slash in some codes, where older ones have an underscore. */
function adviceCodeOf(error: unknown): string {
  return (systemCodeOf(error) ?? '').replaceAll('/', '_')
}
