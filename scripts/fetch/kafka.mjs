// Fetches the packages of Apache Kafka from Maven Central, once. Needs Maven. Tests of the kafka
// destination start a broker from them; without them these tests are skipped. KAFKA_PACKAGES names
// the directory, if it is not to be the default one.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

const KAFKA_VERSION = '4.1.2'
// test/support/servers/kafka.ts looks for them there too.
const target =
  process.env['KAFKA_PACKAGES'] ?? join(homedir(), '.cache', 'iot-analytics-connector', 'kafka')
const complete = join(target, 'complete')
if (existsSync(complete) && readFileSync(complete, 'utf8') === KAFKA_VERSION) process.exit(0)
rmSync(target, { recursive: true, force: true })

const dependency = (group, artifact, version) =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId><artifactId>kafka</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', KAFKA_VERSION)}
    ${dependency('org.apache.kafka', 'kafka-tools', KAFKA_VERSION)}
    ${dependency('org.slf4j', 'slf4j-simple', '1.7.36')}
  </dependencies>
</project>
`
const directory = mkdtempSync(join(tmpdir(), 'fetch-kafka-'))
writeFileSync(join(directory, 'pom.xml'), pom)
const { status, error } = spawnSync(
  'mvn',
  ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${target}`],
  { cwd: directory, stdio: 'inherit' },
)
rmSync(directory, { recursive: true, force: true })
if (status !== 0) {
  console.error(`fetching Kafka ${KAFKA_VERSION} failed${error ? `: ${error.message}` : ''}`)
  process.exit(1)
}
// Written last: a fetch that was interrupted is repeated.
writeFileSync(complete, KAFKA_VERSION)
