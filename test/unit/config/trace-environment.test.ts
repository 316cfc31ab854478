import assert from 'node:assert/strict'
import { test } from 'node:test'
import { traceOptionsOf } from '../../../src/config/trace-environment.ts'

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }

test('without an endpoint, switched off, or with a ratio of 0, there are no traces', () => {
  for (const environment of [
    {},
    { OTEL_TRACES_EXPORTER: 'otlp' },
    { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' },
    { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' },
    { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'always_off' },
    { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' },
  ]) {
    assert.equal(traceOptionsOf(environment), undefined, JSON.stringify(environment))
  }
})

test('the variables of OpenTelemetry say where traces go, with what, and how many', () => {
  const options = traceOptionsOf({
    ...ENDPOINT,
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b,x=1',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x=2',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,site=plant 1',
    OTEL_SERVICE_NAME: 'line-1',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
  })

  assert.deepEqual(options, {
    url: 'http://localhost:4318/v1/traces',
    headers: { 'api-key': 'a b', x: '2' },
    resource: { 'service.name': 'line-1', site: 'plant 1' },
    ratio: 0.25,
  })
})

test('an endpoint for traces alone is used as it is, and the service has a name', () => {
  const OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = 'https://traces.example/in'

  const options = traceOptionsOf({ ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT })

  assert.equal(options?.url, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
  assert.equal(options?.resource['service.name'], 'iot-analytics-connector')
  assert.equal(options?.ratio, 1)
})

test('a value that cannot be used is an error with the variable, and secrets are not shown', () => {
  const wrong: [Record<string, string>, RegExp][] = [
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' }, /^OTEL_EXPORTER_OTLP_ENDPOINT: .*4318"$/],
    [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'zipkin' }, /^OTEL_TRACES_EXPORTER: .*"zipkin"$/],
    [{ ...ENDPOINT, OTEL_TRACES_SAMPLER: 'some' }, /^OTEL_TRACES_SAMPLER: .*"some"$/],
    [
      { ...ENDPOINT, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
      /^OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, got "2"$/,
    ],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'secret' }, /^OTEL_EXPORTER_OTLP_HEADERS: [^s]*$/],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'key=%zz' }, /encoded value of key$/],
  ]

  for (const [environment, message] of wrong) {
    assert.throws(() => traceOptionsOf(environment), { code: 'InvalidConfiguration', message })
  }
})

test('a receiver that takes only gRPC is refused at the start', () => {
  const refused = { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }
  const own = { ...refused, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' }

  assert.throws(
    () => traceOptionsOf(refused),
    /^.*OTEL_EXPORTER_OTLP_PROTOCOL: expected http\/json or http\/protobuf, got "grpc"$/,
  )
  assert.notEqual(traceOptionsOf(own), undefined)
})
