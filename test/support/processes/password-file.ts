/** A password file for one test, with hashes that are cheap to check. */
import { randomBytes, scryptSync } from 'node:crypto'
import type { TestContext } from 'node:test'
import { temporaryFile } from '../disk/temporary-file.ts'

/** A hash like those of `passwd`, at a 64th of the cost. */
export function cheapHash(password: string): string {
  const salt = randomBytes(16)
  const hash = scryptSync(password, salt, 32, { cost: 256, blockSize: 8, parallelization: 1 })
  return `scrypt$256$8$1$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

export function passwordLines(users: Readonly<Record<string, string>>): string {
  return Object.entries(users)
    .map(([name, password]) => `${name}:${cheapHash(password)}\n`)
    .join('')
}

export function passwordFile(
  t: TestContext,
  users: Readonly<Record<string, string>>,
): Promise<string> {
  return temporaryFile(t, 'users', passwordLines(users))
}
