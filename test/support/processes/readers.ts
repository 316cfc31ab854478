/**
 * The engines that read what the connector has written, as the scripts of `examples/scale-out` use
 * them. `scripts/fetch/readers.mjs` fetches them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { findCommand } from '../servers/find-command.ts'
import type { Cleanup } from '../servers/server-process.ts'

const DIRECTORY =
  process.env['READERS_DIRECTORY'] ??
  join(homedir(), '.cache', 'iot-analytics-connector', 'readers')
const PROGRAMS = join(DIRECTORY, 'python', 'bin')
const JARS = join(DIRECTORY, 'jars')
const EXAMPLES = join(import.meta.dirname, '..', '..', '..', '..', 'examples', 'scale-out')
/** A machine of two cores is enough for these. */
const SPARK = {
  'spark.driver.host': '127.0.0.1',
  'spark.driver.bindAddress': '127.0.0.1',
  'spark.ui.enabled': 'false',
  'spark.sql.shuffle.partitions': '2',
  'spark.driver.extraJavaOptions': '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
}

export const skipWithoutReaders: string | false =
  existsSync(join(DIRECTORY, 'complete')) && findCommand('java') !== undefined
    ? false
    : 'the readers of docs/scale-out.md are missing: apt-get install openjdk-17-jre-headless maven python3-venv && node scripts/fetch/readers.mjs'

export interface Reader {
  /** Relative to `examples/scale-out`. */
  readonly script: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** It is a script for `spark-submit`. */
  readonly isSpark?: boolean
}

/** Runs a script to its end, and returns what it printed. */
export async function read(t: Cleanup, { script, args, env, isSpark }: Reader): Promise<string> {
  const file = join(EXAMPLES, script)
  const command = isSpark ? 'spark-submit' : 'python'
  const child = spawn(
    join(PROGRAMS, command),
    [...(isSpark ? sparkOptions() : []), file, ...args],
    {
      env: {
        ...process.env,
        PATH: `${PROGRAMS}${delimiter}${process.env['PATH'] ?? ''}`,
        // Far from UTC, so that a time that is taken for local is noticed.
        TZ: 'Pacific/Auckland',
        SPARK_LOCAL_IP: '127.0.0.1',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Spark starts others. They end together.
      detached: true,
    },
  )
  const { pid } = child
  t.after(() => {
    if (pid !== undefined && child.exitCode === null) process.kill(-pid, 'SIGKILL')
  })
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text
    })
  }
  const [code, signal] = await once(child, 'close')
  if (code !== 0) {
    throw new Error(`${script} ended with ${code ?? signal}:\n${printed.stdout}${printed.stderr}`)
  }
  return printed.stdout
}

function sparkOptions(): string[] {
  const jars = readdirSync(JARS).map((name) => join(JARS, name))
  const settings = Object.entries(SPARK).flatMap(([name, value]) => ['--conf', `${name}=${value}`])
  return ['--master', 'local[2]', '--jars', jars.join(','), ...settings]
}
