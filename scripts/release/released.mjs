// What the packages of one release have in common: its version, its day, and the programs that make
// them.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')
export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
export const { name, version } = manifest

/**
 * SOURCE_DATE_EPOCH, or the time of the last commit, in seconds: the same sources make the same
 * packages. Without either it is now.
 */
export function releaseSeconds() {
  const { SOURCE_DATE_EPOCH: given } = process.env
  if (given !== undefined) return secondsOf(given)
  try {
    const options = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], options))
  } catch {
    return Math.floor(Date.now() / 1000)
  }
}

function secondsOf(given) {
  if (/^\d+$/.test(given)) return Number(given)
  throw new Error(`Expected seconds since 1970 in SOURCE_DATE_EPOCH, got "${given}"`)
}

/** Runs a program and shows what it prints; throws if it fails. */
export function run(program, args, options = {}) {
  execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options })
}

/** The environment of programs whose output depends on the time. */
export function reproducibly() {
  return {
    ...process.env,
    SOURCE_DATE_EPOCH: String(releaseSeconds()),
    TZ: 'UTC',
    LC_ALL: 'C.UTF-8',
  }
}
