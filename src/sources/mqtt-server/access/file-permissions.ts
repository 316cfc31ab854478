/**
 * Whether other users of the machine can use the files with users, rules and keys. That is reported
 * and not refused: how files are mounted is not always in the hands of their owner.
 */
import { stat } from 'node:fs/promises'
import type { MqttServerSettings } from '../options.ts'

const READABLE = 0o044
const WRITABLE = 0o022

/** A sentence for each file that is open to others, with the command that closes it. */
export async function openFilesOf(options: MqttServerSettings): Promise<readonly string[]> {
  const { passwordFile, aclFile, tls } = options
  const secrets = [
    { setting: 'passwordFile', path: passwordFile },
    { setting: 'tls.key', path: tls?.key },
    { setting: 'tls.keyPassphraseFile', path: tls?.keyPassphraseFile },
  ]
  const others = [
    { setting: 'aclFile', path: aclFile },
    { setting: 'tls.cert', path: tls?.cert },
    { setting: 'tls.ca', path: tls?.ca },
    { setting: 'tls.crl', path: tls?.crl },
  ]
  const found = [
    ...secrets.map((file) => problemOf(file, READABLE | WRITABLE, 'go=')),
    ...others.map((file) => problemOf(file, WRITABLE, 'go-w')),
  ]
  return (await Promise.all(found)).filter((problem) => problem !== undefined)
}

async function problemOf(
  { setting, path }: { readonly setting: string; readonly path: string | undefined },
  forbidden: number,
  change: string,
): Promise<string | undefined> {
  // Windows reports no permissions of this kind.
  if (path === undefined || process.platform === 'win32') return undefined
  const mode = (await stat(path).catch(() => undefined))?.mode ?? 0
  if ((mode & forbidden) === 0) return undefined
  const what = (mode & WRITABLE) === 0 ? 'read' : 'change'
  return `sources.mqttServer.${setting}: other users of this machine can ${what} ${path}; to close it: chmod ${change} ${path}`
}
