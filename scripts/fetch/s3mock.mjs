// Fetches Adobe's S3Mock from Maven Central, once. Needs Maven. Tests of the s3 destination start it
// as a second implementation beside moto; without it these tests are skipped. S3MOCK_DIRECTORY names
// the directory, if it is not to be the default one.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

// test/support/servers/s3mock.ts looks for it there too.
const VERSION = '4.9.1'
const target =
  process.env['S3MOCK_DIRECTORY'] ?? join(homedir(), '.cache', 'iot-analytics-connector', 's3mock')
if (existsSync(join(target, `s3mock-${VERSION}-exec.jar`))) process.exit(0)

const artifact = `com.adobe.testing:s3mock:${VERSION}:jar:exec`
const { status, error } = spawnSync(
  'mvn',
  ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${target}`],
  { stdio: 'inherit' },
)
if (status !== 0) {
  console.error(`fetching S3Mock ${VERSION} failed${error ? `: ${error.message}` : ''}`)
  process.exit(1)
}
