/**
 * Starts the connector on a copy of the backlog and measures it while the backlog is delivered, from
 * the end of the warm-up to the last message.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConnectorProcess } from '../support/connector-process.ts'
import { cpuSecondsOf, peakRssBytesOf } from '../support/process-cost.ts'

/** So rarely that asking costs little: the answer is about 1 ms of the connector's CPU. */
const POLL_MS = 50
const PATIENCE_MS = 120_000
const MEBIBYTE = 1024 * 1024

export interface Backlog {
  readonly directory: string
  readonly messages: number
}

export interface RunFigures {
  /** CPU time of the connector per message. */
  readonly micros: number
  readonly perSecond: number
  /** The highest until the last message. */
  readonly rssMegabytes: number
  /** The same of another process that takes part, such as the receiving connector. */
  readonly other?: RunFigures | undefined
}

export interface RunOptions {
  readonly backlog: Backlog
  /** A part of the backlog, delivered before the measurement begins. */
  readonly warmUp: number
  readonly connectorId: string
  readonly destinations: readonly object[]
  readonly parameters?: Readonly<Record<string, string>>
  readonly core: number
  /** Another process to measure. */
  readonly otherPid?: number | undefined
}

interface Mark {
  readonly delivered: number
  readonly cpu: number
  readonly otherCpu: number
  readonly at: number
}

export async function measuredRun(options: RunOptions): Promise<RunFigures> {
  const { backlog, warmUp, connectorId, destinations, parameters = {}, core, otherPid } = options
  const directory = await mkdtemp(join(process.env['BENCH_DIRECTORY'] ?? tmpdir(), 'bench-data-'))
  const data = join(directory, 'data')
  await cp(backlog.directory, data, { recursive: true })
  const connector = await ConnectorProcess.start(
    {
      connectorId,
      parameters,
      storage: { directory: data, maxBytes: 10_000_000_000 },
      destinations,
      log: { level: 'error' },
    },
    core,
  )
  try {
    const mark = (delivered: number): Mark => ({
      delivered,
      cpu: connector.cpuSeconds(),
      otherCpu: otherPid === undefined ? 0 : cpuSecondsOf(otherPid),
      at: performance.now(),
    })
    const delivered = new Delivered(connector.httpPort)
    const from = mark(await delivered.until(warmUp))
    const to = mark(await delivered.until(backlog.messages))
    const figures = figuresBetween(from, to, 'cpu', connector.pid)
    if (otherPid === undefined) return figures
    return { ...figures, other: figuresBetween(from, to, 'otherCpu', otherPid) }
  } finally {
    await connector.stop('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  }
}

function figuresBetween(from: Mark, to: Mark, cpu: 'cpu' | 'otherCpu', pid: number): RunFigures {
  const messages = to.delivered - from.delivered
  return {
    micros: Math.round(((to[cpu] - from[cpu]) * 1e8) / messages) / 100,
    perSecond: Math.round((messages * 1_000) / (to.at - from.at)),
    rssMegabytes: Math.round(peakRssBytesOf(pid) / MEBIBYTE),
  }
}

class Delivered {
  readonly #url: string

  constructor(httpPort: number) {
    this.#url = `http://127.0.0.1:${httpPort}/ledger?format=json`
  }

  /** Resolves when at least `count` messages are delivered, with their number. */
  async until(count: number): Promise<number> {
    const givesUpAt = performance.now() + PATIENCE_MS
    for (;;) {
      const { totals } = (await (await fetch(this.#url)).json()) as {
        totals: { delivered: number; rejected: number; dropped: Record<string, number> }
      }
      if (totals.delivered >= count) return totals.delivered
      if (totals.rejected > 0 || Object.keys(totals.dropped).length > 0) {
        throw new Error(`messages were not delivered: ${JSON.stringify(totals)}`)
      }
      if (performance.now() > givesUpAt) {
        throw new Error(`only ${totals.delivered} of ${count} messages were delivered`)
      }
      await delay(POLL_MS)
    }
  }
}
