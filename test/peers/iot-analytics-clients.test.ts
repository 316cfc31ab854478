/** The API with AWS's CLI and boto3, with signatures that are checked. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { commandOf, skipWithout } from '../support/processes/real-peers.ts'
import { startConnector } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const SECRET = 'a-secret-of-the-operator'
const environment = {
  AWS_ACCESS_KEY_ID: 'OPERATOR1',
  AWS_SECRET_ACCESS_KEY: SECRET,
  AWS_DEFAULT_REGION: 'eu-central-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  PATH: process.env['PATH'] ?? '',
}

async function startApi(t: TestContext): Promise<string> {
  const credentials = [{ accessKeyId: 'OPERATOR1', secretAccessKey: SECRET }]
  const connector = await startConnector(t, {
    sources: { batchPutMessage: { credentials } },
    analytics: {
      api: { credentials, region: 'eu-central-1', account: '123456789012' },
      pipelines: { interval: '1s' },
    },
  })
  return connector.describe().http ?? assert.fail('the HTTP server does not run')
}

test('messages that the AWS CLI sends pass its pipeline into its datastore', {
  skip: skipWithout('aws') || WITHOUT_DUCKDB,
}, async (t) => {
  const url = await startApi(t)
  const aws = (...words: readonly string[]) =>
    run(commandOf('aws'), ['--endpoint-url', url, 'iotanalytics', ...words], { env: environment })
  const activities = [
    { channel: { name: 'in', channelName: 'press', next: 'hot' } },
    { filter: { name: 'hot', filter: 'temp > 40', next: 'out' } },
    { datastore: { name: 'out', datastoreName: 'warm' } },
  ]
  await aws('create-channel', '--channel-name', 'press')
  await aws('create-datastore', '--datastore-name', 'warm')
  const pipeline = ['--pipeline-name', 'p', '--pipeline-activities', JSON.stringify(activities)]
  await aws('create-pipeline', ...pipeline)

  const messages = [39, 41, 42].map((temp) => {
    const payload = Buffer.from(JSON.stringify({ temp })).toString('base64')
    return { messageId: `m${temp}`, payload }
  })
  await aws(
    'batch-put-message',
    ...['--channel-name', 'press', '--messages', JSON.stringify(messages)],
  )

  const ask = { sql: 'select temp from warm order by temp', format: 'jsonl' }
  await until('the rows are in the datastore', async () => {
    const answer = await fetch(`${url}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ask),
    })
    return (await answer.text()) === '{"temp":41}\n{"temp":42}\n'
  })
})

test('the AWS CLI defines resources, lists them by pages and sees errors', {
  skip: skipWithout('aws'),
}, async (t) => {
  const url = await startApi(t)
  const aws = async (...words: readonly string[]) => {
    const { stdout } = await run(
      commandOf('aws'),
      ['--endpoint-url', url, '--output', 'json', 'iotanalytics', ...words],
      { env: environment },
    )
    return stdout === '' ? undefined : JSON.parse(stdout)
  }
  const tag = 'key=site,value=north (1)'

  const created = await aws('create-channel', '--channel-name', 'cli', '--tags', tag)
  await aws('create-channel', '--channel-name', 'cli2')
  const listed = await aws('list-channels', '--page-size', '1')
  const { channel } = await aws('describe-channel', '--channel-name', 'cli', '--include-statistics')
  const tags = await aws('list-tags-for-resource', '--resource-arn', created.channelArn)
  await aws('untag-resource', '--resource-arn', created.channelArn, '--tag-keys', 'site', 'line')
  await aws('delete-channel', '--channel-name', 'cli')
  const math = { name: 'MyMathActivity', math: '((temp - 32) * 5.0) / 9.0', attribute: 'tempC' }
  const payload = Buffer.from('{"humidity": 52, "temp": 68 }').toString('base64')
  const tried = await aws(
    'run-pipeline-activity',
    ...['--pipeline-activity', JSON.stringify({ math }), '--payloads', payload],
  )

  const arn = 'arn:aws:iotanalytics:eu-central-1:123456789012:channel/cli'
  assert.equal(created.channelArn, arn)
  const names = listed.channelSummaries.map((one: { channelName: string }) => one.channelName)
  assert.deepEqual(names, ['cli', 'cli2'])
  assert.ok(Math.abs(Date.parse(channel.creationTime) - Date.now()) < 60_000)
  assert.deepEqual(tags, { tags: [{ key: 'site', value: 'north (1)' }] })
  assert.deepEqual(tried, {
    payloads: ['eyJodW1pZGl0eSI6NTIsInRlbXAiOjY4LCJ0ZW1wQyI6MjB9'],
    logResult: '',
  })
  await assert.rejects(aws('describe-channel', '--channel-name', 'cli'), {
    stderr: /\(ResourceNotFoundException\).*There is no channel cli\./,
  })
})

test('boto3 uses the API from messages to datasets', { skip: skipWithout('boto3') }, async (t) => {
  const url = await startApi(t)
  const script = `
import boto3, datetime, json, sys
from botocore.config import Config
from botocore.exceptions import ClientError
client = boto3.client('iotanalytics', endpoint_url=sys.argv[1], config=Config(retries={'max_attempts': 0}))
now = datetime.datetime.now(datetime.timezone.utc)
day = datetime.timedelta(days=1)
seen = {}
client.batch_put_message(channelName='press', messages=[{'messageId': 'm1', 'payload': b'{"temp":41}'}])
sample = client.sample_channel_data(channelName='press', startTime=now - day, endTime=now + day)
seen['sample'] = [payload.decode() for payload in sample['payloads']]
seen['bytes'] = client.describe_channel(channelName='press', includeStatistics=True)['statistics']['size']['estimatedSizeInBytes'] > 0
client.create_datastore(datastoreName='measured')
activities = [{'channel': {'name': 'in', 'channelName': 'press', 'next': 'out'}},
              {'datastore': {'name': 'out', 'datastoreName': 'measured'}}]
client.create_pipeline(pipelineName='direct', pipelineActivities=activities)
seen['activities'] = client.describe_pipeline(pipelineName='direct')['pipeline']['activities'] == activities
tried = client.run_pipeline_activity(
    pipelineActivity={'math': {'name': 'm', 'attribute': 'tempC', 'math': '((temp-32)*5.0)/9.0'}},
    payloads=[b'{"temp":68}', b'no JSON'])
seen['tried'] = [[payload.decode() for payload in tried['payloads']], tried['logResult']]
for name in ['c', 'a', 'b']:
    client.create_dataset(datasetName=name, actions=[{'actionName': 'all', 'queryAction': {'sqlQuery': 'SELECT 1'}}])
pages = client.get_paginator('list_datasets').paginate(PaginationConfig={'PageSize': 2})
seen['datasets'] = [one['datasetName'] for page in pages for one in page['datasetSummaries']]
client.put_logging_options(loggingOptions={'roleArn': 'arn:aws:iam::123456789012:role/r', 'level': 'ERROR', 'enabled': False})
seen['logging'] = client.describe_logging_options()['loggingOptions']['enabled']
def error_of(call, **given):
    try: call(**given)
    except ClientError as error: return error.response['Error']['Code']
seen['errors'] = [
    error_of(client.create_channel, channelName='__press'),
    error_of(client.create_datastore, datastoreName='measured'),
    error_of(client.start_pipeline_reprocessing, pipelineName='direct', startTime=now - day),
    error_of(client.create_dataset_content, datasetName='a', versionId='version-1'),
    error_of(client.get_dataset_content, datasetName='a'),
    error_of(client.list_dataset_contents, datasetName='none', scheduledBefore=now),
]
for name in ['a', 'b', 'c']: client.delete_dataset(datasetName=name)
client.delete_pipeline(pipelineName='direct')
client.delete_datastore(datastoreName='measured')
print(json.dumps(seen))`

  const { stdout } = await run(commandOf('boto3'), ['-c', script, url], { env: environment })

  assert.deepEqual(JSON.parse(stdout), {
    sample: ['{"temp":41}'],
    bytes: true,
    activities: true,
    tried: [['{"temp":68,"tempC":20}'], 'payloads that are no JSON object: 1'],
    datasets: ['a', 'b', 'c'],
    logging: false,
    errors: [
      'InvalidRequestException',
      'ResourceAlreadyExistsException',
      null,
      'InvalidRequestException',
      'ResourceNotFoundException',
      'ResourceNotFoundException',
    ],
  })
})

test('the AWS CLI and boto3 make content and fetch it by its URL', {
  skip: skipWithout('aws') || skipWithout('boto3') || WITHOUT_DUCKDB,
}, async (t) => {
  const url = await startApi(t)
  const aws = async (...words: readonly string[]) => {
    const given = ['--endpoint-url', url, '--output', 'json', 'iotanalytics', ...words]
    const { stdout } = await run(commandOf('aws'), given, { env: environment })
    return stdout === '' ? undefined : JSON.parse(stdout)
  }
  const script = `
import boto3, sys, time, urllib.request
client = boto3.client('iotanalytics', endpoint_url=sys.argv[1])
client.batch_put_message(channelName='press', messages=[{'messageId': 'm1', 'payload': b'{"device":"a,1","temp":41.5}'}])
version = client.create_dataset_content(datasetName='report')['versionId']
content = {'status': {'state': 'CREATING'}}
while content['status']['state'] == 'CREATING':
    time.sleep(0.05)
    content = client.get_dataset_content(datasetName='report', versionId=version)
assert content['status']['state'] == 'SUCCEEDED', content['status']
print(urllib.request.urlopen(content['entries'][0]['dataURI']).read().decode(), end='')`
  const action = { actionName: 'sql', queryAction: { sqlQuery: 'SELECT device, temp FROM press' } }

  await aws('create-dataset', '--dataset-name', 'report', '--actions', JSON.stringify([action]))
  const { stdout } = await run(commandOf('boto3'), ['-c', script, url], { env: environment })
  const listed = await aws('list-dataset-contents', '--dataset-name', 'report')
  const { entries } = await aws('get-dataset-content', '--dataset-name', 'report')
  const fetched = await (await fetch(entries[0].dataURI)).text()
  await aws('delete-dataset-content', '--dataset-name', 'report', '--version-id', '$LATEST')
  const left = await aws('list-dataset-contents', '--dataset-name', 'report')

  assert.equal(stdout, '"device","temp"\n"a,1","41.5"\n')
  assert.equal(fetched, stdout)
  assert.equal(listed.datasetContentSummaries[0].status.state, 'SUCCEEDED')
  assert.deepEqual(left.datasetContentSummaries, [])
})
