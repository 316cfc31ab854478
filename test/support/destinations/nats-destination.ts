/** A NatsDestination with settings for tests. */
import type { TestContext } from 'node:test'
import { NatsDestination } from '../../../src/destinations/nats/destination.ts'
import { natsOptions } from '../../../src/destinations/nats/options.ts'
import { clock } from './destination-under-test.ts'
import { PATIENT_MS } from './timeouts.ts'

export function natsDestination(
  port: number,
  given: Readonly<Record<string, unknown>> = {},
  connectorId = 'plant-1',
): NatsDestination {
  return new NatsDestination({
    name: 'bus',
    place: 'destinations[0].nats',
    options: natsOptions.parse({
      servers: [`127.0.0.1:${port}`],
      timeout: PATIENT_MS,
      connectTimeout: PATIENT_MS,
      create: true,
      ...given,
    }),
    connectorId,
    batch: {},
    spoolDirectory: '/nowhere',
    clock,
    random: () => 0.5,
  })
}

export async function openedNats(
  t: Pick<TestContext, 'after'>,
  ...parameters: Parameters<typeof natsDestination>
): Promise<NatsDestination> {
  const destination = natsDestination(...parameters)
  await destination.open()
  t.after(() => destination.close())
  return destination
}
