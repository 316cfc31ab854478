/** What a connector costs while `mqtt-load.ts` sends to it. */
import { join } from 'node:path'
import { type ConnectorProcess, linesOf, pinned } from './connector-process.ts'
import type { LoadOptions, LoadResult } from './mqtt-load.ts'

export interface MeasuredLoad extends LoadResult {
  readonly perSecond: number
  /** Of the connector, for each message. */
  readonly cpuMicroseconds: number
  /** How much of its core it used. */
  readonly corePercent: number
}

interface LoadRun {
  readonly connector: ConnectorProcess
  readonly load: LoadOptions
  readonly core: number
  /** Acknowledged is not delivered: without a listener the load ends long before delivery does. */
  readonly untilDelivered: boolean
}

/** The measurement follows the load's warm-up. */
export async function measuredLoad(run: LoadRun): Promise<MeasuredLoad> {
  const { connector, load, core, untilDelivered } = run
  const program = join(import.meta.dirname, 'mqtt-load.js')
  const nextLine = linesOf(pinned(core, process.execPath, [program, JSON.stringify(load)]))
  await nextLine() // it is warm
  const cpuBefore = connector.cpuSeconds()
  const startedAt = performance.now()
  const result = JSON.parse(await nextLine()) as LoadResult
  if (untilDelivered) await connector.settled()
  const seconds = (performance.now() - startedAt) / 1_000
  const cpu = connector.cpuSeconds() - cpuBefore
  return {
    ...result,
    perSecond: Math.round(result.messages / seconds),
    cpuMicroseconds: Math.round((cpu * 1e8) / result.messages) / 100,
    corePercent: Math.round((cpu * 1_000) / seconds) / 10,
  }
}
