/**
 * Load for any MQTT server, run as a program of its own so that its CPU is not the server's. Takes
 * a `BrokerTask` as JSON and speaks as `timed-load.ts` says.
 */
import type { BrokerTask } from './broker-task.ts'
import { ConnectStorm, holdIdle } from './connect-load.ts'
import { FanOutLoad } from './fan-out-load.ts'
import { PublishLoad } from './publish-load.ts'
import { runTimed } from './timed-load.ts'

/** Returns a function that runs the task and resolves with the count of what was done. */
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

const task = JSON.parse(process.argv[2] ?? '{}') as BrokerTask
await runTimed(await prepare(task))
