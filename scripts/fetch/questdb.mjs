// Fetches QuestDB from Maven Central, once. Needs Maven. Tests of the influx destination start it;
// without it these tests are skipped. QUESTDB_JAR names the file, if it is not to be the default
// one.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const VERSION = '9.1.0'
// test/support/servers/questdb.ts looks for it there too.
const target =
  process.env['QUESTDB_JAR'] ??
  join(homedir(), '.cache', 'iot-analytics-connector', `questdb-${VERSION}.jar`)
if (existsSync(target)) process.exit(0)
const directory = dirname(target)
mkdirSync(directory, { recursive: true })
const artifact = `org.questdb:questdb:${VERSION}`
const { status, error } = spawnSync(
  'mvn',
  ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${directory}/new`],
  { cwd: directory, stdio: 'inherit' },
)
if (status !== 0) {
  console.error(`fetching QuestDB ${VERSION} failed${error ? `: ${error.message}` : ''}`)
  process.exit(1)
}
renameSync(join(directory, 'new', `questdb-${VERSION}.jar`), target)
