/** VictoriaMetrics, which takes InfluxDB's line protocol. */
import { join } from 'node:path'
import { findCommand } from './find-command.ts'
import { type Cleanup, freePort, ServerProcess, serverDirectory } from './server-process.ts'

const COMMAND = findCommand('victoria-metrics')

export const skipWithoutVictoriaMetrics: string | false =
  COMMAND === undefined ? 'VictoriaMetrics is missing: apt-get install victoria-metrics' : false

/** One sample of a series; the name is measurement_field. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly number[]
  /** In ms. */
  readonly timestamps: readonly number[]
}

export class VictoriaMetrics {
  readonly port: number
  readonly process: ServerProcess

  constructor(port: number, process: ServerProcess) {
    this.port = port
    this.process = process
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** All samples that it has of the series that `match` selects. */
  async export(match = '{__name__!=""}'): Promise<Series[]> {
    await fetch(`${this.url}/internal/force_flush`)
    const query = new URLSearchParams({ 'match[]': match })
    const response = await fetch(`${this.url}/api/v1/export?${query}`)
    const text = await response.text()
    if (!response.ok) throw new Error(`VictoriaMetrics answered ${response.status}: ${text}`)
    const lines = text.split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as Series)
  }
}

/** @param flags more of its own, for example `-httpAuth.username=ann` */
export async function startVictoriaMetrics(
  t: Cleanup,
  flags: readonly string[] = [],
): Promise<VictoriaMetrics> {
  const directory = serverDirectory(t, 'victoria-metrics')
  const port = await freePort()
  const process = new ServerProcess(t, {
    command: COMMAND ?? 'victoria-metrics',
    args: [
      `-storageDataPath=${join(directory, 'data')}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=100y',
      ...flags,
    ],
    answers: async () => (await fetch(`http://127.0.0.1:${port}/health`)).ok,
  })
  await process.start()
  return new VictoriaMetrics(port, process)
}
