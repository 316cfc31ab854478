/** Builds the Debian package from the compiled tests' own library. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ran, repository } from '../../support/processes/package-sources.ts'

const TIME = { SOURCE_DATE_EPOCH: String(Date.UTC(2026, 10, 30) / 1000) }

/** Returns the path of the package. */
export function buildDeb(target: string): string {
  const script = join(repository, 'scripts', 'build-deb.mjs')
  const { code, output } = ran(process.execPath, [script, target, '--from', 'build/src'], {
    env: TIME,
  })
  assert.equal(code, 0, output)
  return join(target, String(readdirSync(target)[0]))
}
