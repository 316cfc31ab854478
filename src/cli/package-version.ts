/** The version in `package.json`, which stands above this file wherever the build has put it. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export function packageVersion(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const version = versionIn(join(folder, 'package.json'))
    if (version !== undefined) return version
  }
  return 'unknown'
}

function versionIn(file: string): string | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof manifest !== 'object' || manifest === null) return undefined
    if (!('version' in manifest) || typeof manifest.version !== 'string') return undefined
    return manifest.version
  } catch {
    return undefined
  }
}
