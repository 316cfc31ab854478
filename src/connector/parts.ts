/**
 * Creates the parts that a configuration needs. Other parts are not loaded: a connector that only
 * stores messages does not spend memory on AWS's credential chain.
 */

import { join } from 'node:path'
import type { ChannelSet } from '../channels/channel-set.ts'
import type { LogStore } from '../channels/log/channel-log.ts'
import type { MemoryBudget } from '../channels/log/memory-budget.ts'
import type { Clock } from '../clock.ts'
import type { ConnectorConfig } from '../config/connector-config.ts'
import type { PipelineObserver } from '../observer.ts'
import { PREDEFINED_FILTERS } from '../routing/input-topics.ts'
import type { SessionStore } from '../sources/mqtt-server/sessions/store/session-store.ts'
import type { Source } from '../sources/source.ts'
import { STATUS_TOPIC } from '../topics.ts'
import { VERSION } from '../version.ts'

/** The log of the MQTT server's sessions, and the room that other logs leave to it. */
const SESSIONS_LOG = '__sessions'
const SESSION_BYTES = 64 * 1024 * 1024
const SESSION_SHARE = 1 / 16

/** What the connector gives to every part. */
export interface PartContext {
  readonly observer: PipelineObserver
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

export async function makeStore(
  config: ConnectorConfig,
  budget: MemoryBudget,
  { observer, clock }: PartContext,
): Promise<LogStore> {
  const keepsHistory = config.destinations.length === 0
  if (config.storage.durability === 'memory') {
    const { MemoryLogStore } = await import('../channels/log/memory-log-store.ts')
    return new MemoryLogStore({ budget, keepsHistory })
  }
  const { DiskLogStore } = await import('../channels/disk/disk-log-store.ts')
  const { directory, maxBytes, segmentBytes, segmentMaxAge, historyBytes } = config.storage
  return new DiskLogStore({
    directory,
    maxBytes,
    segmentBytes,
    segmentMaxAgeMs: segmentMaxAge,
    historyBytes,
    budget,
    observer,
    clock,
  })
}

export async function makeSources(
  config: ConnectorConfig,
  channels: ChannelSet,
  { observer, clock, random }: PartContext,
): Promise<Source[]> {
  const { mqttServer, mqttClient } = config.sources
  const sources: Source[] = []
  if (mqttServer !== undefined) {
    const { MqttServer } = await import('../sources/mqtt-server/mqtt-server.ts')
    const protectedTopics = [STATUS_TOPIC]
    sources.push(
      new MqttServer({
        options: mqttServer,
        observer,
        clock,
        protectedTopics,
        version: VERSION,
        store: await makeSessionStore(config, channels, { observer, clock, random }),
      }),
    )
  }
  if (mqttClient !== undefined) {
    const { MqttClientSource } = await import('../sources/mqtt-client/mqtt-client-source.ts')
    const filters = [...PREDEFINED_FILTERS, ...config.inputs]
    sources.push(new MqttClientSource({ options: mqttClient, filters, observer, clock, random }))
  }
  return sources
}

/** Sessions are stored in the same place as messages. */
async function makeSessionStore(
  { storage }: ConnectorConfig,
  channels: ChannelSet,
  { observer, clock }: PartContext,
): Promise<SessionStore | undefined> {
  if (storage.durability === 'memory') return undefined
  const { SessionLog } = await import('../sources/mqtt-server/sessions/store/session-log.ts')
  const reservedBytes = Math.min(SESSION_BYTES, storage.maxBytes * SESSION_SHARE)
  return new SessionLog({
    log: await channels.sourceLog(SESSIONS_LOG, reservedBytes),
    oldDirectory: join(storage.directory, 'sessions'),
    observer,
    clock,
  })
}
