/** The compiled program where DuckDB is not installed, and everything else is. */
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const ROOT = join(import.meta.dirname, '..', '..', '..', '..')

/** Returns the directory with its modules. */
export async function compiledWithoutDuckdb(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'without-duckdb-'))
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))
  const modules = join(directory, 'build', 'src')
  await cp(join(ROOT, 'build', 'src'), modules, { recursive: true })
  await cp(join(ROOT, 'package.json'), join(directory, 'package.json'))
  await mkdir(join(directory, 'node_modules'))
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (name === '@duckdb' || name.startsWith('.')) continue
    await symlink(join(ROOT, 'node_modules', name), join(directory, 'node_modules', name))
  }
  return modules
}
