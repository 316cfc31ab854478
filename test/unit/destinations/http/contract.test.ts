/** The contract of destinations, with a service that keeps idempotency keys. */
import { destinationContract } from '../../../contract/destination.contract.ts'
import { HttpCollector } from '../../../support/destinations/http-collector.ts'
import { destinationAt } from '../../../support/destinations/http-destination.ts'

for (const format of ['ndjson', 'json'] as const) {
  destinationContract(`http, ${format}`, async (t, timeoutMs) => {
    const service = await HttpCollector.start(t)
    return {
      destination: destinationAt(service.url, { format, timeout: timeoutMs }),
      maxSendMs: 3 * timeoutMs + 1_500,
      recognisesResends: true,
      // No `miss`: what a service answers to OPTIONS does not tell `check` whether it takes POST.
      peer: {
        received: (channel) => service.received(channel),
        hang: () => service.always('silence'),
        fail: () => service.always({ status: 503 }),
        recover: () => service.recover(),
        reached: () => service.reached(),
        deny: () => service.always({ status: 401 }),
        loseAnswers: () => service.always('lost'),
        poison: (ids) => service.poison(ids.map((id) => `"${id}"`)),
        slow: (delayMs) => service.slow(delayMs),
      },
    }
  })
}
