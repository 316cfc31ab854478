/** The program as users run it: one bundle, which starts in half the time of its modules. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Cleanup } from '../../support/servers/server-process.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..', '..')

/** Bundles it into a folder of its own, and returns the path of its script. */
export async function bundledProgram(t: Cleanup): Promise<string> {
  // Below the root, so that the optional packages are found.
  const directory = await mkdtemp(join(ROOT, 'build', 'rounds-program-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const script = join(ROOT, 'scripts', 'build-program.mjs')
  await promisify(execFile)(process.execPath, [script, directory])
  return join(directory, 'main.js')
}
