/**
 * How a load generator speaks with the benchmark that started it, over standard input and output.
 */
import { createInterface } from 'node:readline'
import type { BrokerTaskResult } from './broker-task.ts'

/**
 * Says `ready`, runs the load when it reads a line, prints a `BrokerTaskResult`, and ends this
 * process with the next line or when standard input ends.
 * @param run resolves with the count of what was done
 */
export async function runTimed(run: () => Promise<number>): Promise<never> {
  const lines = createInterface(process.stdin)[Symbol.asyncIterator]()
  process.stdout.write('ready\n')
  await lines.next()
  const startedAt = performance.now()
  const cpuAtStart = process.cpuUsage()
  const count = await run()
  const seconds = (performance.now() - startedAt) / 1000
  const cpu = process.cpuUsage(cpuAtStart)
  const result: BrokerTaskResult = {
    count,
    seconds,
    generatorShare: Math.round((cpu.user + cpu.system) / 1e4 / seconds) / 100,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  await lines.next()
  process.exit(0)
}
