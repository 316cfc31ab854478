/** S3Mock by Adobe: an implementation of S3 in Java. `scripts/fetch/s3mock.mjs` fetches it. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { findCommand } from './find-command.ts'
import { type Cleanup, freePort, ServerProcess } from './server-process.ts'

const DIRECTORY =
  process.env['S3MOCK_DIRECTORY'] ?? join(homedir(), '.cache', 'iot-analytics-connector', 's3mock')
const JAR = join(DIRECTORY, 's3mock-4.9.1-exec.jar')

export const skipWithoutS3Mock: string | false =
  existsSync(JAR) && findCommand('java') !== undefined
    ? false
    : 'S3Mock is missing: node scripts/fetch/s3mock.mjs (needs Java 17 and Maven)'

/** It accepts any credentials. */
export async function startS3Mock(t: Cleanup): Promise<string> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const directory = mkdtempSync(join(tmpdir(), 's3mock-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const process = new ServerProcess(t, {
    command: 'java',
    args: [
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-jar', JAR],
      // Its first port is for HTTPS.
      ...['--server.port=0', `--com.adobe.testing.s3mock.http-port=${port}`],
      `--com.adobe.testing.s3mock.store.root=${join(directory, 'store')}`,
    ],
    cwd: directory,
    answers: async () => (await fetch(`${url}/`)).ok,
  })
  await process.start()
  return url
}
