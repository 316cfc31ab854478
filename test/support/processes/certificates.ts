/** A certificate authority and its certificates, made by the openssl program for one test. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const skipWithoutOpenssl: string | false =
  spawnSync('openssl', ['version']).status === 0
    ? false
    : 'openssl is missing: apt-get install openssl'

interface Cleanup {
  after(release: () => void): void
}

export interface Certificates {
  /** Path of the file `name`, for example `ca.crt`, `broker.key`. */
  path(name: string): string
  /** `ca.crl`: a list in which these certificates are revoked. */
  revoke(names: readonly string[]): void
  /** `<name>.encrypted.key`: the same key, with a passphrase. */
  encryptKey(name: string, passphrase: string): void
}

/**
 * `ca`, a `broker` for the name broker.test and 127.0.0.1, and a client `connector`; each .crt and
 * .key.
 */
export function makeCertificates(t: Cleanup): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'certificates-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const path = (name: string): string => join(directory, name)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

  openssl(
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=test authority'],
    ...['-keyout', path('ca.key'), '-out', path('ca.crt')],
  )
  for (const [name, extensions] of [
    ['broker', 'subjectAltName=DNS:broker.test,IP:127.0.0.1'],
    ['connector', 'extendedKeyUsage=clientAuth'],
  ] as const) {
    writeFileSync(path(`${name}.ext`), extensions)
    openssl(
      ...['req', ...newKey, '-subj', `/CN=${name}`],
      ...['-keyout', path(`${name}.key`), '-out', path(`${name}.csr`)],
    )
    openssl(
      ...['x509', '-req', '-days', '2', '-in', path(`${name}.csr`), '-out', path(`${name}.crt`)],
      ...['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial'],
      ...['-extfile', path(`${name}.ext`)],
    )
  }
  return {
    path,
    encryptKey: (name, passphrase) =>
      openssl(
        ...['pkcs8', '-topk8', '-in', path(`${name}.key`), '-out', path(`${name}.encrypted.key`)],
        ...['-passout', `pass:${passphrase}`],
      ),
    revoke(names) {
      writeFileSync(path('ca.index'), '')
      const section = `database=${path('ca.index')}\ndefault_md=sha256\ndefault_crl_days=2\n`
      writeFileSync(path('ca.conf'), `[ca]\ndefault_ca=own\n[own]\n${section}`)
      const ca = ['ca', '-config', path('ca.conf'), '-keyfile', path('ca.key')]
      ca.push('-cert', path('ca.crt'))
      for (const name of names) openssl(...ca, '-revoke', path(`${name}.crt`))
      openssl(...ca, '-gencrl', '-out', path('ca.crl'))
    },
  }
}

function openssl(...parameters: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', parameters, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${parameters[0]}: ${stderr}`)
}
