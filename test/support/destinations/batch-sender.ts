/**
 * A program that sends batches to an endpoint, one after another, and prints the result of each. It
 * leaves the destination open, which must not keep the process alive.
 *
 *     node batch-sender.js <url> <count>
 */
import { systemClock } from '../../../src/clock.ts'
import { IotAnalyticsDestination } from '../../../src/destinations/iot-analytics/destination.ts'
import { iotAnalyticsOptions } from '../../../src/destinations/iot-analytics/options.ts'
import { messageOf } from '../../../src/errors.ts'
import { makeBatch } from '../channels/batch-maker.ts'
import { FAKE_IDENTITY } from './fake-iot-analytics.ts'

const [endpoint, count] = process.argv.slice(2)
const destination = new IotAnalyticsDestination({
  name: 'cloud',
  options: iotAnalyticsOptions.parse({ endpoint, maxAttempts: 1, credentials: FAKE_IDENTITY }),
  region: 'us-west-2',
  clock: systemClock,
})
await destination.open()
const outcomes: unknown[] = []
for (let call = 0; call < Number(count); call++) {
  const sent = destination.send(makeBatch('channel', 3), new AbortController().signal)
  outcomes.push(await sent.catch((thrown: unknown) => messageOf(thrown)))
}
console.log(JSON.stringify(outcomes))
