/** The configuration that docs/security.md tells people to write, with users and a certificate. */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type Certificates, makeCertificates } from '../processes/certificates.ts'
import { passwordLines } from '../processes/password-file.ts'

const PAGE = join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'security.md')
const USERS = ['operator', 'polite_1', 'attacker_1', 'victim_1']

/** They take a while to make, and serve all attacks of a process. */
let certificates: Certificates | undefined

/** Writes the files that the page names, and returns the section `mqttServer` of its rules. */
export function rulesOfThePage(directory: string): Record<string, unknown> {
  const page = readFileSync(PAGE, 'utf8')
  const yaml = /^```yaml\n# connector\.yaml\n(.*?)^```$/ms.exec(page)?.[1] ?? ''
  const { mqttServer } = (parse(yaml) as { sources: { mqttServer: Record<string, unknown> } })
    .sources
  certificates ??= makeCertificates({ after: (release) => process.once('exit', release) })
  copyFileSync(certificates.path('ca.crt'), join(directory, 'ca.crt'))
  copyFileSync(certificates.path('broker.crt'), join(directory, 'server.crt'))
  copyFileSync(certificates.path('broker.key'), join(directory, 'server.key'))
  const users = Object.fromEntries(USERS.map((name) => [name, `password of ${name}`]))
  writeFileSync(join(directory, 'users'), passwordLines(users))
  chmodSync(join(directory, 'users'), 0o600)
  return mqttServer
}

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0
