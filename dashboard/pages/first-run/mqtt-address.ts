/** The address that devices connect to, as far as it can be known from here. */
import type { SourceRow } from '../../../src/http/api/shapes/overview.ts'

export interface MqttAddress {
  readonly url: string
  readonly host: string
  readonly port: string
  /** Only programs on the same machine can connect. */
  readonly isLocal: boolean
}

const URL_IN_TEXT = /mqtts?:\/\/(\[[0-9a-f:.]+\]|[^\s,/:]+)(?::(\d+))?/i
const EVERY_ADDRESS = ['0.0.0.0', '[::]']
const LOCAL = /^(127\.|localhost$|\[::1\]$)/

/** Undefined without an MQTT server. If it listens on all addresses, the one of this page is one. */
export function mqttAddress(
  sources: readonly SourceRow[],
  pageHost: string,
): MqttAddress | undefined {
  const server = sources.find(({ state }) => state === 'listening')
  const [found, listened, port = '1883'] = URL_IN_TEXT.exec(server?.description ?? '') ?? []
  if (found === undefined || listened === undefined) return undefined
  const host = EVERY_ADDRESS.includes(listened) ? pageHost : listened
  const scheme = found.slice(0, found.indexOf(':'))
  return { url: `${scheme}://${host}:${port}`, host, port, isLocal: LOCAL.test(listened) }
}
