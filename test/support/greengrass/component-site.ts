/** The connector as a component of a test nucleus, and what the nucleus and people see of it. */
import type { TestContext } from 'node:test'
import { ConnectorProcess } from '../processes/connector-process.ts'
import { temporaryDirectory } from '../processes/running-connector.ts'
import { until } from '../until.ts'
import { type Character, CLASSIC } from './character.ts'
import type { JsonObject } from './json-text.ts'
import { type NucleusServer, startNucleus } from './nucleus-server.ts'

export const NAME = 'com.example.IoTAnalyticsConnector'
export const STATUS = 'iotanalytics/messages/put/status'
export const PUT = 'iotanalytics/channels/pump/messages/put'
export const PUT_BINARY = 'iotanalytics/channels/pump/messages/binary/put'
export const FILTERS = [
  'iotanalytics/channels/+/messages/put',
  'iotanalytics/channels/+/messages/binary/put',
]

export const CONFIGURATION = {
  MemorySize: '65535',
  PublishRegion: '',
  PublishInterval: '1',
  inputs: {},
  connector: { log: { level: 'warn' } },
  accessControl: {
    'aws.greengrass.ipc.pubsub': {
      [`${NAME}:pubsub:1`]: {
        operations: ['aws.greengrass#SubscribeToTopic'],
        resources: [...FILTERS, 'factory/*'],
      },
      [`${NAME}:pubsub:2`]: {
        operations: ['aws.greengrass#PublishToTopic'],
        resources: [STATUS, 'iotanalytics/channels/__probe/*'],
      },
    },
    'aws.greengrass.ipc.mqttproxy': {
      [`${NAME}:mqttproxy:1`]: { operations: ['*'], resources: ['cloud/#', STATUS] },
    },
  },
}

export interface Status {
  readonly id?: string
  readonly response: { readonly status: string; readonly error?: string }
}

export interface Site {
  readonly server: NucleusServer
  readonly connector: ConnectorProcess
  readonly directory: string
  statuses(): Status[]
}

export interface SiteOptions {
  readonly character?: Character
  /** Replaces keys of `CONFIGURATION`. */
  readonly configuration?: JsonObject
  /** Called before the connector starts. */
  readonly prepare?: (server: NucleusServer) => void
}

/** A nucleus, and the connector that has subscribed there. */
export async function siteOf(t: TestContext, options: SiteOptions = {}): Promise<Site> {
  const { character = CLASSIC, configuration, prepare } = options
  const server = await startNucleus(t, character)
  server.addComponent(NAME, { ...CONFIGURATION, ...configuration })
  prepare?.(server)
  const directory = await temporaryDirectory(t)
  const connector = await startComponent(t, server, directory)
  return { server, connector, directory, statuses: () => statusesIn(server) }
}

export async function startComponent(
  t: TestContext,
  server: NucleusServer,
  directory: string,
): Promise<ConnectorProcess> {
  const args = ['--greengrass', NAME, '--data', directory, '--deadline', '3s']
  const connector = new ConnectorProcess(t, args, {
    withMqttServer: false,
    env: server.environmentOf(NAME),
  })
  await connector.started()
  await subscribed(server)
  return connector
}

export async function subscribed(server: NucleusServer): Promise<void> {
  await until('it has subscribed', () => server.filtersOf(NAME).length >= FILTERS.length)
}

/** On the local bus. */
function statusesIn(server: NucleusServer): Status[] {
  return server
    .publicationsOf(NAME)
    .filter(({ topic }) => topic === STATUS)
    .map(({ content }) => JSON.parse(String('binary' in content ? content.binary : '')))
}

export function envelope(message: string, id: string) {
  return { request: { message }, id }
}

interface Totals {
  readonly received: number
  readonly dropped: Readonly<Record<string, number>>
}

export async function totalsOf(connector: ConnectorProcess): Promise<Totals> {
  const { totals } = JSON.parse(await pageOf(connector, '/ledger?format=json'))
  return totals
}

/** What the connector answers over HTTP. While a configuration is applied, it answers a bit later. */
export async function pageOf({ command }: ConnectorProcess, path: string): Promise<string> {
  let page: string | undefined
  await until(`${path} is answered`, async () => {
    // A changed configuration was announced with another address.
    const [url] = command.stdout.match(/(?<=^ {2}http +)http:\S+(?![\s\S]*^ {2}http )/m) ?? []
    page = await fetch(`${url}${path}`).then(
      (answer) => answer.text(),
      () => undefined,
    )
    return page !== undefined
  })
  return String(page)
}
