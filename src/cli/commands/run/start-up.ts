/** The banner of `run` on a terminal: addresses, directories, and commands to try. */

import type { ConnectorConfig } from '../../../config/connector-config.ts'
import type { ConnectorDescription } from '../../../connector/connector-options.ts'
import { counted } from '../../../units.ts'
import { suggestions } from './suggestions.ts'

const LABEL_WIDTH = 14

export interface StartUp {
  /** How to call this program, for the commands to try. */
  readonly command: string
  readonly version: string
  readonly files: readonly string[]
  /** About settings. */
  readonly notices: readonly string[]
  /** About files that are open to others; the parts log them themselves. */
  readonly openFiles: readonly string[]
  readonly config: ConnectorConfig
}

export function startUpText(startUp: StartUp, connector: ConnectorDescription): string {
  const { command, config } = startUp
  const notices = [...startUp.notices, ...startUp.openFiles]
  const [subscriptions, servers] = split(connector.sources, (source) => /^subscribes /.test(source))
  const lines = [
    `iot-analytics-connector ${startUp.version} is running`,
    '',
    ...labelled('listens on', servers),
    ...labelled(
      'subscribes to',
      subscriptions.map((text) => text.replace(/^subscribes to /, '')),
    ),
    ...labelled(
      'sends to',
      connector.destinations.length > 0
        ? connector.destinations
        : ['no destination; messages stay in the local store'],
    ),
    ...labelled('inputs', inputsOf(config)),
    ...labelled('data', [`${connector.dataDirectory ?? 'in memory'} (${channels(connector)})`]),
    ...labelled('http', connector.http === undefined ? [] : [connector.http]),
    ...labelled('configuration', startUp.files.length > 0 ? startUp.files : ['defaults']),
    '',
    ...notices.map((notice) => `Note: ${notice}`),
    ...(notices.length > 0 ? [''] : []),
    'Try in another terminal:',
    ...suggestions(command, config, connector).map((line) => `  ${line}`),
    '',
    'Ctrl-C stops it gracefully.',
  ]
  return `${lines.join('\n')}\n`
}

function split(texts: readonly string[], isFirst: (text: string) => boolean) {
  return [texts.filter(isFirst), texts.filter((text) => !isFirst(text))] as const
}

function labelled(label: string, values: readonly string[]): string[] {
  return values.map((value, index) => `  ${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}${value}`)
}

function inputsOf({ inputs, parameters }: ConnectorConfig): string[] {
  return inputs.map((filter) => `${filter} → ${parameters.defaultChannelName}`)
}

function channels({ channels: count }: ConnectorDescription): string {
  return counted(count, 'channel')
}
