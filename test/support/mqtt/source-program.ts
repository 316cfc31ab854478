/**
 * Run with `fork` and a broker's URL: a source in a process of its own. It sends `ready`, closes
 * the source at the first message, and then ends, unless the source left something open.
 */
import { systemClock } from '../../../src/clock.ts'
import { silentObserver } from '../../../src/observer.ts'
import { MqttClientSource } from '../../../src/sources/mqtt-client/mqtt-client-source.ts'
import { mqttClientOptions } from '../../../src/sources/mqtt-client/options.ts'
import { STATUS_TOPIC } from './mqtt-server-under-test.ts'
import { clientIntake } from './source-on-broker.ts'

const source = new MqttClientSource({
  options: mqttClientOptions.parse({ url: process.argv[2] }),
  filters: ['in/#'],
  observer: silentObserver,
  clock: systemClock,
  random: Math.random,
})
await source.start(clientIntake())
while (!source.connectionState.isReady) await new Promise((resolve) => setTimeout(resolve, 5))
process.once('message', () => void close())
process.send?.('ready')

async function close(): Promise<void> {
  const bytes = Buffer.from('never acknowledged')
  source.outlet.publish(STATUS_TOPIC, { count: 1, bytes, ends: Uint32Array.of(bytes.length) })
  await source.stopIntake()
  await source.close()
  process.disconnect()
}
