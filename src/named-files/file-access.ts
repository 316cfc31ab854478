/**
 * Whether other users of the machine can use the files that settings name. That is reported and not
 * refused: how files are mounted is not always in the hands of their owner.
 */
import { stat } from 'node:fs/promises'
import type { TlsFileNames } from './tls-files.ts'

const READABLE = 0o044
const WRITABLE = 0o022

/** Paths by the setting that names them. */
export type FilesOfSettings = Readonly<Record<string, string | undefined>>

/**
 * A sentence for each file that is open to others, with the command that closes it. Others may
 * neither read nor change `secrets`, and may not change `others`.
 */
export async function openFiles(
  secrets: FilesOfSettings,
  others: FilesOfSettings = {},
): Promise<readonly string[]> {
  const found = [
    ...Object.entries(secrets).map((file) => problemOf(file, READABLE | WRITABLE, 'go=')),
    ...Object.entries(others).map((file) => problemOf(file, WRITABLE, 'go-w')),
  ]
  return (await Promise.all(found)).filter((problem) => problem !== undefined)
}

/** The same for the files of a TLS section. */
export function openTlsFiles(files: TlsFileNames | undefined, place: string) {
  const { key, keyPassphraseFile, cert, ca, crl } = files ?? {}
  return openFiles(
    { [`${place}.key`]: key, [`${place}.keyPassphraseFile`]: keyPassphraseFile },
    { [`${place}.cert`]: cert, [`${place}.ca`]: ca, [`${place}.crl`]: crl },
  )
}

async function problemOf(
  [setting, path]: readonly [string, string | undefined],
  forbidden: number,
  change: string,
): Promise<string | undefined> {
  // Windows reports no permissions of this kind.
  if (path === undefined || process.platform === 'win32') return undefined
  const mode = (await stat(path).catch(() => undefined))?.mode ?? 0
  if ((mode & forbidden) === 0) return undefined
  const what = (mode & WRITABLE) === 0 ? 'read' : 'change'
  return `${setting}: other users of this machine can ${what} ${path}; to close it: chmod ${change} ${path}`
}
