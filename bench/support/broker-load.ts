/**
 * Load for any MQTT server, run as a program of its own so that its CPU is not the server's. Takes
 * a `BrokerTask` as JSON; says `ready` when everything is connected and warm, starts when it reads
 * a line, prints a `BrokerTaskResult`, and ends when standard input does.
 */
import { createInterface } from 'node:readline'
import type { BrokerTask, BrokerTaskResult } from './broker-task.ts'
import { ConnectStorm, holdIdle } from './connect-load.ts'
import { FanOutLoad } from './fan-out-load.ts'
import { PublishLoad } from './publish-load.ts'

/** Returns what runs the task; it resolves with the count of what was done. */
async function prepare(task: BrokerTask): Promise<() => Promise<number>> {
  switch (task.kind) {
    case 'publish': {
      const load = await PublishLoad.open(task)
      await load.run(task.warmUp)
      return () => load.run(task.messages)
    }
    case 'fanOut': {
      const load = await FanOutLoad.open(task)
      await load.run(task.warmUp)
      return () => load.run(task.messages)
    }
    case 'storm': {
      const storm = new ConnectStorm(task)
      await storm.run(task.warmUp)
      return () => storm.run(task.connections)
    }
    case 'idle':
      return () => holdIdle(task)
  }
}

const input = createInterface(process.stdin)
const lines = input[Symbol.asyncIterator]()
const run = await prepare(JSON.parse(process.argv[2] ?? '{}') as BrokerTask)
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
