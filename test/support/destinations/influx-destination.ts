/** An InfluxDestination with settings for tests. */
import type { TestContext } from 'node:test'
import type * as z from 'zod'
import { InfluxDestination } from '../../../src/destinations/influx/destination.ts'
import { influxOptions } from '../../../src/destinations/influx/options.ts'
import { clock } from './destination-under-test.ts'
import { PATIENT_MS } from './timeouts.ts'

export type GivenInflux = Partial<z.input<typeof influxOptions>>

export function influxAt(url: string, given: GivenInflux = {}): InfluxDestination {
  const api = given.api ?? 'v1'
  const target = api === 'v2' ? { bucket: 'plant' } : { database: 'plant' }
  return new InfluxDestination({
    name: 'influx',
    place: 'destinations[0].influx',
    options: influxOptions.parse({ url, timeout: PATIENT_MS, api, ...target, ...given }),
    connectorId: 'site-1',
    batch: {},
    spoolDirectory: '',
    clock,
    random: () => 0.01,
  })
}

export async function openInflux(t: TestContext, url: string, given: GivenInflux = {}) {
  const destination = influxAt(url, given)
  await destination.open()
  t.after(() => destination.close())
  return destination
}
