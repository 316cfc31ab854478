/** What `run` prints once everything listens: addresses, directories, and commands to try. */
import type { ConnectorDescription } from '../../../connector/connector.ts'

const LABEL_WIDTH = 14
const EXAMPLE_MESSAGE = '{"request":{"message":"{\\"temp\\":23.33}"},"id":"req123"}'

export interface StartUp {
  /** How to call this program, for the commands to try. */
  readonly command: string
  readonly version: string
  readonly files: readonly string[]
  readonly notices: readonly string[]
  readonly defaultChannel: string | undefined
  readonly inputs: readonly string[]
}

export function startUpText(startUp: StartUp, connector: ConnectorDescription): string {
  const lines = [
    `iot-analytics-connector ${startUp.version} is running`,
    '',
    ...labelled('listens on', connector.sources),
    ...labelled(
      'sends to',
      connector.destinations.length > 0
        ? connector.destinations
        : ['no destination; messages stay in the local store'],
    ),
    ...labelled('inputs', inputsOf(startUp)),
    ...labelled('data', [`${connector.dataDirectory ?? 'in memory'} (${channels(connector)})`]),
    ...labelled('http', connector.http === undefined ? [] : [connector.http]),
    ...labelled('configuration', startUp.files.length > 0 ? startUp.files : ['defaults']),
    '',
    ...startUp.notices.map((notice) => `Note: ${notice}`),
    ...(startUp.notices.length > 0 ? [''] : []),
    'Try in another terminal:',
    ...suggestions(startUp.command, connector).map((line) => `  ${line}`),
    '',
    'Ctrl-C stops it gracefully.',
  ]
  return `${lines.join('\n')}\n`
}

function labelled(label: string, values: readonly string[]): string[] {
  return values.map((value, index) => `  ${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${value}`)
}

function inputsOf({ inputs, defaultChannel }: StartUp): string[] {
  return inputs.map((filter) => `${filter} → ${defaultChannel}`)
}

function channels({ channels: count }: ConnectorDescription): string {
  return count === 1 ? '1 channel' : `${count} channels`
}

function suggestions(command: string, { sources, http }: ConnectorDescription): string[] {
  const address = sources
    .map((source) => /mqtts?:\/\/\S+/.exec(source)?.[0])
    .find((url) => url !== undefined && URL.canParse(url))
  return [
    ...(address === undefined ? [] : [mosquittoLine(new URL(address))]),
    ...(http === undefined
      ? []
      : [`${command} tail my_channel --follow --url ${http}`, `curl ${http}/health`]),
  ]
}

function mosquittoLine(address: URL): string {
  const host = address.hostname.replaceAll(/[[\]]/g, '')
  const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  const port = address.port || (address.protocol === 'mqtts:' ? '8883' : '1883')
  return `mosquitto_pub -h ${reachable} -p ${port} -q 1 -t iotanalytics/channels/my_channel/messages/put -m '${EXAMPLE_MESSAGE}'`
}
