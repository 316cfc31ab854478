/** Asks every destination whether messages could be delivered now. Sends none. */
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../clock.ts'
import type { ConnectorConfig, DestinationConfig } from '../../config/connector-config.ts'
import type { Destination } from '../../destinations/destination.ts'
import { asConnectorError, type ConnectorError } from '../../errors.ts'
import { knownIdIn } from '../connector-id.ts'
import { makeDestination } from '../destination-makers.ts'

/** A connector that runs has files in its own, and a destination that is opened removes others. */
const SPOOLS = join(tmpdir(), `connection-check-${process.pid}`)
/** Longer than any destination takes to give up on a peer that does not answer. */
const TIMEOUT_MS = 30_000

export interface ConnectionCheck {
  readonly name: string
  /** What it sends, and where to. */
  readonly description: string
  /** Undefined: it would take messages, as far as can be known without sending one. */
  readonly problem: ConnectorError | undefined
  /** What else is worth knowing. */
  readonly notices: readonly string[]
}

/** One entry for each destination, in their order. All are asked at the same time. */
export async function checkConnections(config: ConnectorConfig): Promise<ConnectionCheck[]> {
  const { storage } = config
  const kept = storage.durability === 'disk' ? await knownIdIn(storage.directory) : undefined
  const connectorId = config.connectorId ?? kept ?? 'check'
  // Nothing else keeps the process running while a destination waits for its next attempt.
  const running = setInterval(() => {}, TIMEOUT_MS)
  const checks = config.destinations.map((entry) => check(entry, config, connectorId))
  try {
    return await Promise.all(checks)
  } finally {
    clearInterval(running)
    await rm(SPOOLS, { recursive: true, force: true })
  }
}

async function check(
  entry: DestinationConfig,
  config: ConnectorConfig,
  connectorId: string,
): Promise<ConnectionCheck> {
  const { name, place } = entry
  const context = { clock: systemClock, random: Math.random, connectorId, spools: SPOOLS }
  let destination: Destination | undefined
  let problem: ConnectorError | undefined
  const notices: string[] = []
  try {
    destination = await makeDestination(entry, config, context)
    await destination.open()
    await destination.check?.(AbortSignal.timeout(TIMEOUT_MS), (text) => {
      notices.push(`${name}: ${text}`)
    })
  } catch (error) {
    problem = asConnectorError(error, 'DestinationUnavailable', place)
  }
  await destination?.close().catch(() => {})
  return { name, description: destination?.description ?? place, problem, notices }
}
