/** QuestDB, which takes InfluxDB's line protocol. `scripts/fetch/questdb.mjs` fetches it. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findCommand } from './find-command.ts'
import { type Cleanup, freePorts, ServerProcess, serverDirectory } from './server-process.ts'

const JAVA = findCommand('java')
const JAR =
  process.env['QUESTDB_JAR'] ??
  join(homedir(), '.cache', 'iot-analytics-connector', 'questdb-9.1.0.jar')
/** Quick to start, and small. */
const JVM = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

export const skipWithoutQuestDb: string | false =
  JAVA !== undefined && existsSync(JAR)
    ? false
    : 'QuestDB is missing: apt-get install openjdk-17-jre-headless maven && node scripts/fetch/questdb.mjs'

export class QuestDb {
  readonly url: string
  readonly process: ServerProcess

  constructor(url: string, process: ServerProcess) {
    this.url = url
    this.process = process
  }

  /** Runs a statement; returns its rows. */
  async query(statement: string): Promise<unknown[][]> {
    const response = await fetch(`${this.url}/exec?${new URLSearchParams({ query: statement })}`)
    const text = await response.text()
    if (!response.ok) throw new Error(`QuestDB answered ${response.status}: ${text}`)
    return (JSON.parse(text) as { dataset?: unknown[][] }).dataset ?? []
  }
}

export async function startQuestDb(t: Cleanup): Promise<QuestDb> {
  const directory = serverDirectory(t, 'questdb')
  const [http = 0, lines = 0, postgres = 0] = await freePorts(3)
  const settings = {
    'http.bind.to': `127.0.0.1:${http}`,
    'line.tcp.net.bind.to': `127.0.0.1:${lines}`,
    'pg.net.bind.to': `127.0.0.1:${postgres}`,
    'http.min.enabled': 'false',
    'telemetry.enabled': 'false',
    'shared.worker.count': '2',
  }
  mkdirSync(join(directory, 'conf'))
  writeFileSync(
    join(directory, 'conf', 'server.conf'),
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  const url = `http://127.0.0.1:${http}`
  const process = new ServerProcess(t, {
    command: JAVA ?? 'java',
    args: [...JVM, '-p', JAR, '-m', 'io.questdb/io.questdb.ServerMain', '-d', directory],
    answers: async () => (await fetch(`${url}/ping`)).ok,
  })
  await process.start()
  return new QuestDb(url, process)
}
