/** Where a server's program is, and the version that it reports. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export function onPath(program: string): string | undefined {
  const directories = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`.split(':')
  return directories.map((directory) => join(directory, program)).find((file) => existsSync(file))
}

/** The first number with a dot in its output. */
export function versionOf(program: string | undefined, flag: string): string | undefined {
  if (program === undefined) return undefined
  const { stdout, stderr } = spawnSync(program, [flag], { encoding: 'utf8' })
  return /\d+\.\d+(\.\d+)?/.exec(`${stdout ?? ''}${stderr ?? ''}`)?.[0]
}

export function isAtLeast(version: string | undefined, major: number, minor: number): boolean {
  const [its = 0, minors = 0] = (version ?? '').split('.').map(Number)
  return its > major || (its === major && minors >= minor)
}
