/** Wrong configurations and, word for word, what is said about them. */
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../../src/config/load.ts'
import { DESTINATION_KINDS } from '../../../src/config/schema/destination-kinds.ts'
import { ConnectorError } from '../../../src/errors.ts'
import { temporaryFile } from '../../support/disk/temporary-file.ts'

interface Case {
  readonly name: string
  readonly yaml?: string
  readonly overrides?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly lines: readonly string[]
}

/** `connector.yaml` stands for the file's whole path. */
async function problemLines(t: TestContext, given: Case): Promise<string[]> {
  const file = await temporaryFile(t, 'connector.yaml', given.yaml ?? '')
  const request = { file, overrides: given.overrides, environment: given.environment ?? {} }
  const thrown: unknown = await loadConfig(request).catch((error: unknown) => error)
  assert(thrown instanceof ConnectorError, 'expected the configuration to be refused')
  assert.equal(thrown.code, 'InvalidConfiguration')
  const [first = '', ...rest] = thrown.message.replaceAll(`${dirname(file)}/`, '').split('\n')
  return rest.length === 0 ? [first] : rest.map((line) => line.trim())
}

const KINDS = Object.keys(DESTINATION_KINDS).join(', ')

const CASES: readonly Case[] = [
  {
    name: 'the masks of check’s output, where secrets should be',
    yaml: `http:
  token: "********"
destinations:
  - iotAnalytics: { endpoint: "https://user:********@host", region: us-west-2 }
`,
    lines: [
      'http.token (connector.yaml:2:10): expected the secret itself; ******** is only what check prints in its place',
      'destinations[0].iotAnalytics.endpoint (connector.yaml:4:31): expected the secret itself; ******** is only what check prints in its place',
    ],
  },
  {
    name: 'null for a key that does not exist',
    overrides: ['http.prot=null'],
    lines: ['http.prot (--set): unknown key; did you mean http.port?'],
  },
  {
    name: 'a count below its range',
    yaml: 'parameters:\n  IotAnalyticsMaxActiveChannels: "0"\n',
    lines: [
      'parameters.IotAnalyticsMaxActiveChannels (connector.yaml:2:34): expected a whole number from 1 to 2147483647, got "0"',
    ],
  },
  {
    name: 'a batch above what the API takes',
    yaml: 'parameters: { IotAnalyticsBatchSizePerChannel: "500" }',
    lines: [
      'parameters.IotAnalyticsBatchSizePerChannel (connector.yaml:1:48): expected a whole number from 1 to 100 (BatchPutMessage takes at most 100 messages a call), got "500"',
    ],
  },
  {
    name: 'an interval that the printed pattern would let pass',
    yaml: 'parameters: { PublishInterval: "-1" }',
    lines: [
      'parameters.PublishInterval (connector.yaml:1:32): expected a whole number from 0 to 2147483, got "-1"',
    ],
  },
  {
    name: 'a drop behaviour that the printed pattern would let pass',
    yaml: 'parameters: { IotAnalyticsQueueDropBehavior: DROP_NEWESTx }',
    lines: [
      'parameters.IotAnalyticsQueueDropBehavior (connector.yaml:1:46): expected DROP_NEWEST or DROP_OLDEST (did you mean DROP_NEWEST?), got "DROP_NEWESTx"',
    ],
  },
  {
    name: 'a channel name that cannot exist',
    yaml: 'parameters: { IotAnalyticsDefaultChannelName: __mine }',
    lines: [
      'parameters.IotAnalyticsDefaultChannelName (connector.yaml:1:47): expected a channel name: 1 to 128 of A-Z a-z 0-9 _, not beginning with two underscores, got "__mine"',
    ],
  },
  {
    name: 'no memory at all',
    overrides: ['parameters.MemorySize=0'],
    lines: ['parameters.MemorySize (--set): expected a whole number from 1 to 2147483647, got 0'],
  },
  {
    name: 'a Region of a wrong form, reported once although a destination would use it',
    yaml: 'parameters: { PublishRegion: oregon }\ndestinations:\n  - iotAnalytics: {}\n',
    lines: [
      'parameters.PublishRegion (connector.yaml:1:30): expected an AWS Region such as us-west-2, got "oregon"',
    ],
  },
  {
    name: 'a destination at AWS without a Region',
    yaml: 'destinations:\n  - iotAnalytics: {}\n',
    lines: [
      'destinations[0].iotAnalytics.region (connector.yaml:2:19): expected a Region such as us-west-2, here, in parameters.PublishRegion or in AWS_REGION, got nothing',
    ],
  },
  {
    name: 'two destinations of one name',
    yaml: 'destinations:\n  - iotAnalytics: { region: us-west-2 }\n  - iotAnalytics: { region: us-east-1 }\n',
    lines: [
      'destinations[1].name (default): another destination has the name iotAnalytics; give each a different name',
    ],
  },
  {
    name: 'input topics without a channel to go to',
    yaml: 'inputs: [factory/#]',
    lines: [
      'inputs (connector.yaml:1:9): these topics need a channel; set parameters.IotAnalyticsDefaultChannelName',
    ],
  },
  {
    name: 'topic filters against MQTT 4.7',
    yaml: 'parameters: { IotAnalyticsDefaultChannelName: c }\ninputs:\n  - factory#\n  - a/#/b\n  - a+/b\n  - ""\n  - $share/g/a\n',
    lines: [
      'inputs[0] (connector.yaml:3:5): expected # only as the whole last level, such as factory/#, got "factory#"',
      'inputs[1] (connector.yaml:4:5): expected # only as the whole last level, such as factory/#, got "a/#/b"',
      'inputs[2] (connector.yaml:5:5): expected + only as a whole level, such as factory/+/temperature, got "a+/b"',
      'inputs[3] (connector.yaml:6:5): expected a topic filter of at least one character, got ""',
      'inputs[4] (connector.yaml:7:5): expected a plain topic filter; a shared subscription is set with sources.mqttClient, got "$share/g/a"',
    ],
  },
  {
    name: 'unknown keys, with what was probably meant',
    yaml: 'storage:\n  max_bytes: 5000000\nPublishRegion: us-west-2\nparameters: { StatusReport: all }\nqueues: 5\n',
    lines: [
      'parameters.StatusReport (connector.yaml:4:15): unknown key; did you mean parameters.StatusReports?',
      'storage.max_bytes (connector.yaml:2:3): unknown key; did you mean storage.maxBytes?',
      'PublishRegion (connector.yaml:3:1): unknown key; did you mean parameters.PublishRegion?',
      'queues (connector.yaml:5:1): unknown key; known here: parameters, connectorId, inputs, sources, storage, channels, deadLetters, destinations, analytics, http, log',
    ],
  },
  {
    name: 'a destination of a kind that does not exist, reported once',
    yaml: 'destinations:\n  - iotAnalytcs: { region: us-west-2 }\n',
    lines: [
      'destinations[0].iotAnalytcs (connector.yaml:2:5): unknown key; did you mean destinations[0].iotAnalytics?',
    ],
  },
  {
    name: 'a destination without a kind',
    yaml: 'destinations:\n  - name: there\n',
    lines: [
      `destinations[0] (connector.yaml:2:5): expected one kind of destination (${KINDS}), but there is none`,
    ],
  },
  {
    name: 'batch sizes for a destination that has parameters for them',
    yaml: 'destinations:\n  - iotAnalytics: { region: us-west-2 }\n    batch: { messages: 5 }\n',
    lines: [
      'destinations[0].batch (connector.yaml:3:12): does not apply to iotAnalytics; set parameters.IotAnalyticsBatchSizePerChannel and parameters.PublishInterval',
    ],
  },
  {
    name: 'sections of a wrong kind',
    yaml: 'storage: 5\ndestinations: { iotAnalytics: {} }\n',
    lines: [
      'storage (connector.yaml:1:10): expected a mapping, got 5',
      'destinations (connector.yaml:2:31): expected a list, got a mapping',
    ],
  },
  {
    name: 'a fault within a union tells of the branch that was meant',
    yaml: 'http: { port: 70000 }',
    lines: ['http.port (connector.yaml:1:15): expected a whole number from 0 to 65535, got 70000'],
  },
  {
    name: 'empty text where there must be some',
    overrides: ['storage.directory='],
    lines: ['storage.directory (--set): expected text that is not empty, got ""'],
  },
  {
    name: 'secrets are not shown',
    overrides: ['log.format=mqtt://me:geheim@host'],
    lines: ['log.format (--set): expected auto, json or pretty, got "mqtt://me:********@host"'],
  },
  {
    name: 'YAML that is none, with line and column',
    yaml: 'storage:\n  directory: "x\n',
    lines: ['connector.yaml:3:1: Missing closing "quote'],
  },
  {
    name: 'the same key twice',
    yaml: 'inputs: []\ninputs: []\n',
    lines: ['connector.yaml:2:1: Map keys must be unique'],
  },
  {
    name: 'a document that is a list',
    yaml: '- parameters\n',
    lines: [
      'connector.yaml: expected a mapping with sections such as parameters and storage, got a list',
    ],
  },
  {
    name: 'an environment variable that sets nothing',
    environment: { IOT_ANALYTICS_CONNECTOR__STORAGE__DIRECTRY: '/data' },
    lines: [
      'IOT_ANALYTICS_CONNECTOR__STORAGE__DIRECTRY: unknown variable; did you mean IOT_ANALYTICS_CONNECTOR__STORAGE__DIRECTORY?',
    ],
  },
  {
    name: 'a wrong value from the environment is reported with the name of the variable',
    environment: { IOT_ANALYTICS_CONNECTOR__HTTP__PORT: 'eighty' },
    lines: [
      'http.port (IOT_ANALYTICS_CONNECTOR__HTTP__PORT): expected a whole number from 0 to 65535, got "eighty"',
    ],
  },
  {
    name: 'a Region in AWS_REGION is checked like any other',
    yaml: 'destinations: [{ iotAnalytics: {} }]',
    environment: { AWS_REGION: 'nowhere' },
    lines: [
      'destinations[0].iotAnalytics.region (AWS_REGION): must be a Region such as us-west-2, got "nowhere"',
    ],
  },
  {
    name: '--set without a value',
    overrides: ['storage.directory'],
    lines: [
      '--set storage.directory: expected path=value, such as storage.directory=/var/lib/connector',
    ],
  },
  {
    name: '--set far behind a list’s end',
    overrides: ['inputs[7]=a'],
    lines: ['--set: inputs[7] would leave a gap; the next entry is [0]'],
  },
  {
    name: '--set of a key that reaches for the prototype',
    overrides: ['__proto__.polluted=1'],
    lines: [
      '__proto__ (--set): unknown key; known here: parameters, connectorId, inputs, sources, storage, channels, deadLetters, destinations, analytics, http, log',
    ],
  },
]

for (const given of CASES) {
  test(`${given.name}`, async (t) => {
    assert.deepEqual(await problemLines(t, given), given.lines)
  })
}

test('a file that is not there is named, without a stack', async () => {
  await assert.rejects(loadConfig({ file: '/no/such/connector.yaml', environment: {} }), {
    code: 'InvalidConfiguration',
    message: 'Can’t read /no/such/connector.yaml: there is no such file',
  })
})

test('aliases that multiply without end are refused', async (t) => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]']
  for (let level = 0; level < 9; level++) {
    const name = String.fromCharCode(98 + level)
    const before = String.fromCharCode(97 + level)
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`)
  }
  const file = await temporaryFile(t, 'connector.yaml', bomb.join('\n'))

  await assert.rejects(loadConfig({ file, environment: {} }), { code: 'InvalidConfiguration' })
})
