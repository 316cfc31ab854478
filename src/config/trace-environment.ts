/**
 * Where traces go, by the environment variables of OpenTelemetry's specification. They are sent over
 * OTLP/HTTP as JSON. Without an endpoint there are no traces.
 */
import { ConnectorError } from '../errors.ts'
import type { TraceOptions } from '../telemetry/options.ts'
import type { Environment } from './inputs/overrides.ts'

const SERVICE = 'iot-analytics-connector'
const SAMPLERS: Readonly<Record<string, (ratio: number) => number>> = {
  always_on: () => 1,
  always_off: () => 0,
  traceidratio: (ratio) => ratio,
}

/** @throws {ConnectorError} InvalidConfiguration, naming the variable */
export function traceOptionsOf(environment: Environment): TraceOptions | undefined {
  const setting = (name: string) => environment[name]?.trim() || undefined
  const isDisabled = setting('OTEL_SDK_DISABLED')?.toLowerCase() === 'true'
  const exporter = setting('OTEL_TRACES_EXPORTER') ?? 'otlp'
  const url = urlOf(setting)
  if (isDisabled || exporter === 'none' || url === undefined) return undefined
  if (exporter !== 'otlp') throw invalid('OTEL_TRACES_EXPORTER', 'otlp or none', exporter)
  refuseOtherProtocols(setting)
  const ratio = ratioOf(setting)
  if (ratio === 0) return undefined
  const given = pairsOf('OTEL_RESOURCE_ATTRIBUTES', setting)
  const name = setting('OTEL_SERVICE_NAME') ?? given['service.name'] ?? SERVICE
  return {
    url,
    headers: {
      ...pairsOf('OTEL_EXPORTER_OTLP_HEADERS', setting),
      ...pairsOf('OTEL_EXPORTER_OTLP_TRACES_HEADERS', setting),
    },
    resource: { ...given, 'service.name': name },
    ratio,
  }
}

type Setting = (name: string) => string | undefined

function urlOf(setting: Setting): string | undefined {
  const own = setting('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  const common = setting('OTEL_EXPORTER_OTLP_ENDPOINT')
  const name =
    own === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  const text = own ?? common?.replace(/\/*$/, '/v1/traces')
  if (text === undefined) return undefined
  const isUrl = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
  if (!isUrl) throw invalid(name, 'a URL such as http://localhost:4318', own ?? common ?? '')
  return text
}

/** A receiver that takes protobuf over HTTP takes JSON at the same address; one for gRPC does not. */
function refuseOtherProtocols(setting: Setting): void {
  for (const name of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    const protocol = setting(name)
    if (protocol === undefined) continue
    if (protocol.startsWith('http/')) return
    throw invalid(name, 'http/json or http/protobuf', protocol)
  }
}

function ratioOf(setting: Setting): number {
  const given = setting('OTEL_TRACES_SAMPLER') ?? 'always_on'
  const sampler = SAMPLERS[given.replace(/^parentbased_/, '')]
  if (sampler === undefined) {
    throw invalid('OTEL_TRACES_SAMPLER', Object.keys(SAMPLERS).join(', '), given)
  }
  const text = setting('OTEL_TRACES_SAMPLER_ARG') ?? '1'
  const ratio = sampler(Number(text))
  if (!(ratio >= 0 && ratio <= 1)) {
    throw invalid('OTEL_TRACES_SAMPLER_ARG', 'a number from 0 to 1', text)
  }
  return ratio
}

/** `key=value,key=value`, percent-encoded. Errors do not show values, which may be secret. */
function pairsOf(name: string, setting: Setting): Record<string, string> {
  const entries = (setting(name) ?? '').split(',').filter((pair) => pair.trim() !== '')
  return Object.fromEntries(
    entries.map((pair) => {
      const [, key = '', value = ''] = /^\s*([^=\s]+)\s*=(.*)$/.exec(pair) ?? []
      if (key === '') throw invalid(name, 'key=value,key=value', undefined)
      try {
        return [key, decodeURIComponent(value.trim())]
      } catch {
        throw invalid(name, `a percent-encoded value of ${key}`, undefined)
      }
    }),
  )
}

function invalid(name: string, expected: string, got: string | undefined): ConnectorError {
  const shown = got === undefined ? '' : `, got ${JSON.stringify(got)}`
  return new ConnectorError('InvalidConfiguration', `${name}: expected ${expected}${shown}`)
}
