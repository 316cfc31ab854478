/** Enrichment from AWS IoT, as moto has it, with a thing and a shadow that boto3 has made. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import * as aws from '@aws-sdk/client-iotanalytics'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import { startConnector } from '../support/processes/running-connector.ts'
import {
  MOTO_CREDENTIALS,
  MOTO_REGION,
  skipWithoutMoto,
  startMoto,
} from '../support/servers/moto.ts'

const run = promisify(execFile)
const SCRIPT = `
import boto3, json, sys
given = dict(endpoint_url=sys.argv[1], region_name='${MOTO_REGION}', aws_access_key_id='k', aws_secret_access_key='s')
boto3.client('iot', **given).create_thing(thingName='press:1', attributePayload={'attributes': {'site': 'north'}})
shadow = {'state': {'desired': {'speed': 5}, 'reported': {'speed': 4}}}
boto3.client('iot-data', **given).update_thing_shadow(thingName='press:1', payload=json.dumps(shadow))`

test('messages get what AWS IoT knows of their thing, and wait while it is away', {
  skip: skipWithoutMoto || skipWithout('boto3'),
}, async (t) => {
  const moto = await startMoto(t)
  await run(commandOf('boto3'), ['-c', SCRIPT, moto.url])
  // One with keys in the settings, one with those of the environment.
  process.env['AWS_ACCESS_KEY_ID'] = MOTO_CREDENTIALS.accessKeyId
  process.env['AWS_SECRET_ACCESS_KEY'] = MOTO_CREDENTIALS.secretAccessKey
  const asked = {
    region: MOTO_REGION,
    endpoint: moto.url,
    timeout: '2s',
  }
  const registry = { aws: { ...asked, credentials: MOTO_CREDENTIALS } }
  const connector = await startConnector(t, {
    sources: { batchPutMessage: {} },
    analytics: { api: {}, pipelines: { registry, shadows: { aws: asked } } },
  })
  const client = new aws.IoTAnalyticsClient({
    endpoint: connector.describe().http ?? assert.fail('the HTTP server does not run'),
    region: MOTO_REGION,
    credentials: MOTO_CREDENTIALS,
    maxAttempts: 1,
  })
  t.after(() => client.destroy())
  const roleArn = 'arn:aws:iam::123456789012:role/MyEnrichRole'
  const enrichment = { name: 'e', attribute: 'm', thingName: 'thing', roleArn }
  const enriched = async (
    kind: 'deviceRegistryEnrich' | 'deviceShadowEnrich',
    thing = 'press:1',
  ) => {
    const command = new aws.RunPipelineActivityCommand({
      pipelineActivity: { [kind]: enrichment },
      payloads: [Buffer.from(JSON.stringify({ thing }))],
    })
    const { payloads = [], logResult } = await client.send(command)
    return payloads.length === 0
      ? logResult
      : JSON.parse(Buffer.from(payloads[0] ?? '').toString()).m
  }

  const thing = await enriched('deviceRegistryEnrich')
  const shadow = await enriched('deviceShadowEnrich')
  const unknown = await enriched('deviceRegistryEnrich', 'press:2')
  await moto.process.stop()
  const remembered = await enriched('deviceRegistryEnrich')
  const waiting = await enriched('deviceRegistryEnrich', 'press:3')

  assert.equal(thing.thingName, 'press:1')
  assert.deepEqual(thing.attributes, { site: 'north' })
  assert.equal(thing.version, 1)
  assert.deepEqual(shadow.state.reported, { speed: 4 })
  assert.deepEqual(shadow.state.delta, { speed: 5 })
  assert.equal(unknown, 'payload 1: the thing "press:2" is not in the device registry')
  assert.deepEqual(remembered, thing)
  assert.match(
    waiting,
    /^analytics\.pipelines\.registry\.aws: DescribeThing of press:3 at .*ECONNREFUSED/,
  )
})
