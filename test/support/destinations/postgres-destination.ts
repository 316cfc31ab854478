/** A PostgresDestination with settings for tests. */
import type { TestContext } from 'node:test'
import {
  type DestinationReports,
  NO_REPORTS,
} from '../../../src/destinations/destination-settings.ts'
import { PostgresDestination } from '../../../src/destinations/postgres/destination.ts'
import { postgresOptions } from '../../../src/destinations/postgres/options.ts'
import { clock } from './destination-under-test.ts'
import { PATIENT_MS } from './timeouts.ts'

export function postgresDestination(
  port: number,
  given: Readonly<Record<string, unknown>> = {},
  connectorId = 'plant-1',
  reports: DestinationReports = NO_REPORTS,
): PostgresDestination {
  const options = {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    create: true,
    timeout: PATIENT_MS,
    connectTimeout: PATIENT_MS,
    ...given,
  }
  return new PostgresDestination({
    name: 'database',
    place: 'destinations[0].postgres',
    options: postgresOptions.parse(options),
    connectorId,
    batch: {},
    spoolDirectory: '/nowhere',
    clock,
    reports,
    random: () => 0.5,
  })
}

export async function openedPostgres(
  t: Pick<TestContext, 'after'>,
  ...parameters: Parameters<typeof postgresDestination>
): Promise<PostgresDestination> {
  const destination = postgresDestination(...parameters)
  await destination.open()
  t.after(() => destination.close())
  return destination
}
