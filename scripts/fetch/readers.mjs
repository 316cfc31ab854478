// Fetches the engines that read what the connector has written, once: DuckDB, Arrow, ClickHouse's
// engine, PyIceberg and Spark from PyPI, and what Spark needs for Kafka and S3 from Maven Central.
// About 2 GB on disk. Needs Python 3.10 or later with venv, and Maven. Without them the tests of
// docs/scale-out.md are skipped. READERS_DIRECTORY names the directory, if it is not to be the
// default one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

const SPARK_VERSION = '4.1.1'
const PACKAGES = [
  `pyspark==${SPARK_VERSION}`,
  'duckdb==2.0.1',
  's3fs==2026.9.0',
  'pyarrow==26.0.1',
  'pyiceberg[sql-sqlite]==0.12.0',
  'chdb==4.4.0',
]
const SPARK_KAFKA = ['org.apache.spark', 'spark-sql-kafka-0-10_2.13', SPARK_VERSION]
// As Spark's own Hadoop. Its bundle of all of AWS's clients is 600 MB, so the few that it needs are
// named here.
const HADOOP_AWS = ['org.apache.hadoop', 'hadoop-aws', '3.4.2']
const AWS_CLIENTS = ['s3-transfer-manager', 'sts', 'kms'].map((name) => [
  'software.amazon.awssdk',
  name,
  '2.29.52',
])
const WILDFLY = ['org.wildfly.openssl', 'wildfly-openssl', '2.1.4.Final']
/** Spark has these. */
const IN_SPARK = ['org.apache.hadoop', 'org.scala-lang', 'org.scala-lang.modules', 'org.slf4j']
const WANTED = JSON.stringify([PACKAGES, SPARK_KAFKA, HADOOP_AWS, AWS_CLIENTS, WILDFLY])

// test/support/processes/readers.ts looks for them there too.
const target =
  process.env['READERS_DIRECTORY'] ??
  join(homedir(), '.cache', 'iot-analytics-connector', 'readers')
const complete = join(target, 'complete')
if (existsSync(complete) && readFileSync(complete, 'utf8') === WANTED) process.exit(0)
rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })

async function run(command, args, cwd = target) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${command} ended with ${code}`)
}

async function fetchPackages() {
  const python = join(target, 'python')
  await run('python3', ['-m', 'venv', python])
  const options = ['--quiet', '--no-compile', '--disable-pip-version-check']
  await run(join(python, 'bin', 'pip'), ['install', ...options, ...PACKAGES])
}

async function fetchJars() {
  const exclusion = (group) =>
    `<exclusion><groupId>${group}</groupId><artifactId>*</artifactId></exclusion>`
  const dependency = ([group, artifact, version], without) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>
     <exclusions>${without.map(exclusion).join('')}</exclusions></dependency>`
  const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId><artifactId>readers</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    ${dependency(SPARK_KAFKA, IN_SPARK)}
    ${dependency(HADOOP_AWS, ['*'])}
    ${[...AWS_CLIENTS, WILDFLY].map((name) => dependency(name, IN_SPARK)).join('\n    ')}
  </dependencies>
</project>
`
  const directory = mkdtempSync(join(tmpdir(), 'fetch-readers-'))
  writeFileSync(join(directory, 'pom.xml'), pom)
  const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime']
  try {
    const jars = join(target, 'jars')
    await run('mvn', ['-q', '-B', ...copy, `-DoutputDirectory=${jars}`], directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

try {
  await Promise.all([fetchPackages(), fetchJars()])
} catch (error) {
  console.error(`fetching the readers failed: ${error.message}`)
  process.exit(1)
}
// Written last: a fetch that was interrupted is repeated.
writeFileSync(complete, WANTED)
