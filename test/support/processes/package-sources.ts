/** What packages are made of, and the tools that make and check them. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const repository = join(import.meta.dirname, '..', '..', '..', '..')

/** Everything that a build reads or a package has. */
const SOURCES = [
  ...['bin', 'src', 'dashboard', 'scripts', 'docs', 'examples', 'packaging'],
  ...['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'],
  ...['README.md', 'CHANGELOG.md', 'LICENSE'],
]

interface Cleanup {
  after(release: () => void): void
}

/** A copy of the repository, so that a build meets no other one. */
export function copyOfRepository(t: Cleanup): string {
  const directory = mkdtempSync(join(tmpdir(), 'package-sources-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  for (const name of SOURCES) {
    const source = join(repository, name)
    if (!existsSync(source)) continue
    cpSync(source, join(directory, name), { recursive: true, filter: isSource })
  }
  symlinkSync(join(repository, 'node_modules'), join(directory, 'node_modules'))
  return directory
}

function isSource(path: string): boolean {
  return !path.endsWith('greengrass-build')
}

export interface Ran {
  readonly code: number | null
  /** Standard output and standard error. */
  readonly output: string
  readonly stdout: string
}

/** Runs a program to its end. */
export function ran(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Ran {
  const { env, cwd } = options
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (error !== undefined) throw error
  return { code: status, output: `${stdout}${stderr}`, stdout }
}
