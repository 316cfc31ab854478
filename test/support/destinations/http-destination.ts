/** An HttpDestination in front of a collector. */
import type { TestContext } from 'node:test'
import type * as z from 'zod'
import { HttpDestination } from '../../../src/destinations/http/destination.ts'
import { httpOptions } from '../../../src/destinations/http/options.ts'
import { clock } from './destination-under-test.ts'
import { HttpCollector } from './http-collector.ts'
import { PATIENT_MS } from './timeouts.ts'

export type GivenHttp = Partial<z.input<typeof httpOptions>>

export function destinationAt(url: string, given: GivenHttp = {}): HttpDestination {
  return new HttpDestination({
    name: 'http',
    place: 'destinations[0].http',
    options: httpOptions.parse({ url, timeout: PATIENT_MS, ...given }),
    connectorId: 'site-1',
    batch: {},
    spoolDirectory: '',
    clock,
    random: () => 0.01,
  })
}

export async function setUpHttp(t: TestContext, given: GivenHttp = {}) {
  const service = await HttpCollector.start(t)
  const destination = destinationAt(service.url, given)
  await destination.open()
  t.after(() => destination.close())
  return { service, destination }
}
