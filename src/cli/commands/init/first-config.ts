/** The first configuration file: what was answered, with comments for who reads it in a year. */
import { stringify } from 'yaml'

export type SourceAnswer =
  /** Devices on this machine alone. */
  | { readonly kind: 'local' }
  /** Devices from other machines, as users with passwords. */
  | { readonly kind: 'network'; readonly passwordFile: string }
  /** A broker that is there already. */
  | { readonly kind: 'broker'; readonly url: string }

export type DestinationAnswer =
  | { readonly kind: 'none' }
  | { readonly kind: 'iotAnalytics'; readonly endpoint: string }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly region: string }

export interface Answers {
  readonly source: SourceAnswer
  /** A topic filter besides the connector's own topics; empty: none. */
  readonly input: string
  readonly destination: DestinationAnswer
  readonly directory: string
  /** Such as `1GiB`. */
  readonly maxBytes: string
  /** How long tables for queries are kept, such as `30d`; empty: there are none. */
  readonly tables: string
}

/** With which the connector also runs without a file. */
export const DEFAULT_ANSWERS: Answers = {
  source: { kind: 'local' },
  input: '',
  destination: { kind: 'none' },
  directory: './data',
  maxBytes: '1GiB',
  tables: '',
}

const HEAD = `# Configuration of the connector. All settings are in docs/configuration.md. After a change:
#   iot-analytics-connector check --while-running`

export function firstConfig(answers: Answers): string {
  const sections = [
    HEAD,
    inputSection(answers),
    sourceSection(answers.source),
    destinationSection(answers.destination),
    storageSection(answers),
    tablesSection(answers),
    DASHBOARD,
  ]
  return `${sections.join('\n\n')}\n`
}

function inputSection({ input }: Answers): string {
  const about = `# Devices publish to iotanalytics/channels/<channel>/messages/put, which creates the channel.`
  if (input === '') {
    return `${about}
# Topics of other devices:
# inputs: [factory/#]
# parameters: { IotAnalyticsDefaultChannelName: factory }`
  }
  return `${about}
# Messages on these topics go to the channel that is named below.
inputs:
  - ${quoted(input)}
parameters:
  IotAnalyticsDefaultChannelName: ${channelFor(input)}`
}

function sourceSection(source: SourceAnswer): string {
  switch (source.kind) {
    case 'local':
      return `# The MQTT server, for devices and programs on this machine. For others: host: 0.0.0.0, and a
# passwordFile, which the command passwd writes.
sources:
  mqttServer:
    host: 127.0.0.1
    port: 1883`
    case 'network':
      return `# The MQTT server, for all who can reach this machine and have a password. Without tls it is sent
# in plain text.
sources:
  mqttServer:
    host: 0.0.0.0
    port: 1883
    # The command passwd adds users; changes take effect at once.
    passwordFile: ${quoted(source.passwordFile)}`
    case 'broker':
      return `# Devices stay on the broker they know; the connector subscribes there. With a login: username, and
# passwordFile, a file with the password.
sources:
  mqttClient:
    url: ${quoted(source.url)}`
  }
}

function destinationSection(destination: DestinationAnswer): string {
  switch (destination.kind) {
    case 'none':
      return `# Messages stay in the local store, for tail, query and the dashboard. To send them on:
# destinations:
#   - name: headquarters
#     http: { url: "https://ingest.example/v1/events" }`
    case 'iotAnalytics':
      return `# BatchPutMessage at another connector, or at a service with AWS's protocol.
destinations:
  - name: headquarters
    iotAnalytics:
      endpoint: ${quoted(destination.endpoint)}
      region: us-west-2`
    case 'http':
      return `# Posts every channel as lines of JSON.
destinations:
  - name: ingest
    http:
      url: ${quoted(destination.url)}
      format: ndjson`
    case 's3':
      return `# An object for each channel as soon as it has 64 MiB of payload, or after 5 minutes. Credentials
# are those of AWS's tools: environment, ~/.aws, or the role of the machine.
destinations:
  - name: archive
    s3:
      bucket: ${quoted(destination.bucket)}
      region: ${quoted(destination.region)}
    batch: { bytes: 64MiB, interval: 5m }`
  }
}

function storageSection({ directory, maxBytes }: Answers): string {
  return `# Messages wait here until they are delivered. If there are more, new ones are refused.
storage:
  directory: ${quoted(directory)}
  maxBytes: ${maxBytes}`
}

function tablesSection({ tables }: Answers): string {
  if (tables === '') {
    return `# Queries see what is in the store. To keep readings for longer, as Parquet files:
# analytics: { tables: { retention: 30d } }`
  }
  return `# Readings are kept this long for queries, as Parquet files beside the store. Needs the package
# @duckdb/node-api.
analytics:
  tables:
    retention: ${tables}`
}

const DASHBOARD = `# The dashboard and the API, for this machine alone. For others: tokens and tls, see
# docs/security.md.
http:
  host: 127.0.0.1
  port: 8090`

/** The first level of the filter that is a name: `factory/+/temp` → `factory`. */
function channelFor(input: string): string {
  const level = input.split('/').find((part) => /^[A-Za-z0-9_ -]+$/.test(part)) ?? 'messages'
  const name = level.replaceAll(/[^A-Za-z0-9_]/g, '_').replace(/^_+/, '')
  return name === '' ? 'messages' : name
}

/** As YAML has it, in quotes where they are needed. */
function quoted(text: string): string {
  return stringify(text, { lineWidth: 0 }).trimEnd()
}
