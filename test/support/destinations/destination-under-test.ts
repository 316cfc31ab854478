/** An IotAnalyticsDestination against the fake service. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type Clock, systemClock } from '../../../src/clock.ts'
import type { BatchOutcome } from '../../../src/destinations/destination.ts'
import { IotAnalyticsDestination } from '../../../src/destinations/iot-analytics/destination.ts'
import {
  type IotAnalyticsOptions,
  iotAnalyticsOptions,
} from '../../../src/destinations/iot-analytics/options.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { FAKE_IDENTITY, FakeIotAnalytics, type FakeOptions } from './fake-iot-analytics.ts'
import { PATIENT_MS } from './timeouts.ts'

const REGION = 'us-west-2'
/** A signal that is not aborted. */
export const never = new AbortController().signal

/** The system clock with timers that keep the process alive, as a test may wait only for them. */
export const clock: Clock = {
  ...systemClock,
  after(delayMs, call) {
    const timeout = setTimeout(call, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
}

export interface Given extends FakeOptions {
  readonly timeout?: number
  readonly maxAttempts?: number
  readonly maxConnections?: number
  readonly anonymous?: boolean
  readonly tls?: IotAnalyticsOptions['tls']
  readonly proxy?: string
}

export async function setUp(t: TestContext, given: Given = {}) {
  const api = await FakeIotAnalytics.start(t, given)
  const destination = destinationFor(api.url, given)
  await destination.open()
  t.after(() => destination.close())
  return { api, destination }
}

export function destinationFor(endpoint: string, given: Given = {}): IotAnalyticsDestination {
  const { timeout = PATIENT_MS, anonymous, identity: _, ...rest } = given
  const { maxAttempts = 3, maxConnections = 50, tls, proxy } = rest
  const credentials = anonymous ? { anonymous } : (given.identity ?? FAKE_IDENTITY)
  return new IotAnalyticsDestination({
    name: 'cloud',
    options: iotAnalyticsOptions.parse({
      endpoint,
      timeout,
      maxAttempts,
      maxConnections,
      credentials,
      tls,
      proxy,
    }),
    region: REGION,
    clock,
    random: () => 0.01,
  })
}

/** The error of a send that must fail. */
export async function errorOf(sent: Promise<BatchOutcome>): Promise<ConnectorError> {
  const thrown = await sent.then(
    (outcome) => assert.fail(`settled with ${JSON.stringify(outcome)}`),
    (error: unknown) => error,
  )
  assert.ok(thrown instanceof ConnectorError, String(thrown))
  return thrown
}
