/**
 * Runs the README's commands against a connector, in a directory of their own. `npx
 * iot-analytics-connector` is the compiled program, and the ports are free ones.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { WITHOUT_DUCKDB } from '../support/analytics/opened-instance.ts'
import { FAKE_IDENTITY, FakeIotAnalytics } from '../support/destinations/fake-iot-analytics.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { skipWithout } from '../support/processes/real-peers.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const build = join(import.meta.dirname, '..', '..', 'src')
const readme = await readFile(join(root, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
  language: match[1] ?? '',
  text: match[2] ?? '',
}))
/** Lines for a shell; a line that ends in a backslash goes on. */
const commands = blocks
  .filter(({ language }) => language === '')
  .flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, '').split('\n'))
  .filter((line) => /^(npm|npx|curl|mosquitto_\w+) /.test(line))

function commandsOf(program: string): string[] {
  return commands.filter((line) => line.startsWith(program))
}

async function shell(line: string, connector: ConnectorProcess, cwd: string) {
  const { port } = new URL(connector.mqttUrl)
  const env = {
    ...process.env,
    IOT_ANALYTICS_CONNECTOR__SOURCES__MQTT_SERVER__PORT: port,
    IOT_ANALYTICS_CONNECTOR__HTTP__PORT: new URL(connector.httpUrl).port,
  }
  const here = line
    .replace(
      'npx iot-analytics-connector',
      `'${process.execPath}' '${join(build, 'cli', 'main.js')}'`,
    )
    .replace(/^mosquitto_\w+/, (program) => `${program} -p ${port}`)
  return await promisify(execFile)('/bin/sh', ['-c', here], { env, cwd })
}

async function connectorIn(
  t: TestContext,
): Promise<{ connector: ConnectorProcess; directory: string }> {
  const directory = await temporaryDirectory(t)
  await cp(join(root, 'examples'), join(directory, 'examples'), { recursive: true })
  const connector = await new ConnectorProcess(t, ['--data', join(directory, 'data')]).started()
  return { connector, directory }
}

test('the README has only commands that this test runs', () => {
  const programs = commands.map((line) => line.split(' ').slice(0, line.startsWith('np') ? 3 : 1))

  assert.deepEqual(
    [...new Set(programs.map((words) => words.join(' ')))].sort(),
    [
      ...['curl', 'mosquitto_pub', 'mosquitto_sub', 'npm ci &&'],
      ...['npx iot-analytics-connector check', 'npx iot-analytics-connector publish'],
      ...['npx iot-analytics-connector query', 'npx iot-analytics-connector run'],
      'npx iot-analytics-connector tail',
    ].sort(),
  )
})

test('publish, tail and the HTTP requests answer as the README says', async (t) => {
  const { connector, directory } = await connectorIn(t)

  for (const line of commandsOf('npx iot-analytics-connector publish')) {
    assert.match((await shell(line, connector, directory)).stdout, /receipts: 1 success/)
  }
  for (const line of commandsOf('npx iot-analytics-connector tail')) {
    assert.match((await shell(line, connector, directory)).stdout, /id=req123 {2}\{"temp":23\.33\}/)
  }
  if (WITHOUT_DUCKDB === false) {
    for (const line of commandsOf('npx iot-analytics-connector query')) {
      // In a pipe, as here, the result is CSV.
      assert.match((await shell(line, connector, directory)).stdout, /^temp,.*\r\n23\.33,/)
    }
  }
  const answers = commandsOf('curl').map(async (line) => {
    const url = /http:\/\/[^\s']+/.exec(line)?.[0] ?? ''
    const answer = await fetch(url.replace('http://127.0.0.1:8090', connector.httpUrl))
    assert.equal(answer.status, 200, url)
    return await answer.text()
  })
  const [messages, ledger, health] = await Promise.all(answers)
  assert.match(messages ?? '', /"payload":"\{\\"temp\\":23\.33\}"/)
  assert.match(ledger ?? '', /^total +1 +1 /m)
  assert.match(health ?? '', /"ready":true/)
})

test('mosquitto_pub and mosquitto_sub print the receipt that stands above them', {
  skip: skipWithout('mosquitto_pub', 'mosquitto_sub'),
}, async (t) => {
  const { connector, directory } = await connectorIn(t)
  const [subscribe = ''] = commandsOf('mosquitto_sub')
  const [publish = ''] = commandsOf('mosquitto_pub')
  const [, expected] = /subscribe to the receipts, here `(.*)`:/.exec(readme) ?? []

  const listening = shell(`${subscribe} -C 1 -W 15`, connector, directory)
  const publishing = setInterval(
    () => void shell(publish, connector, directory).catch(() => {}),
    300,
  )
  t.after(() => clearInterval(publishing))
  const { stdout } = await listening
  clearInterval(publishing)

  assert.equal(stdout.trim(), expected)
})

test('the configuration is accepted by check, and the definition runs', async (t) => {
  const { connector, directory } = await connectorIn(t)
  const yaml = blocks.find(({ language }) => language === 'yaml')?.text ?? ''
  await writeFile(join(directory, 'iot-analytics-connector.yaml'), yaml)

  for (const line of commandsOf('npx iot-analytics-connector check')) {
    // The ports are those of a connector that runs.
    const check = line.replace(/ +#.*/, '').replace('check', 'check --while-running')
    const { stdout } = await shell(check, connector, directory)
    assert.match(stdout, /bucket: telemetry[\s\S]*table: messages/)
  }
  for (const line of commandsOf('npx iot-analytics-connector run')) {
    const args = line.split(' ').slice(3)
    const data = ['--data', join(directory, 'other')]
    const file = args.map((word) => word.replace(/^examples/, join(root, 'examples')))
    const running = await new ConnectorProcess(t, [...file, ...data]).started()
    assert.match(running.command.stdout, /Note: Messages stay in the local store/)
    running.signal('SIGTERM')
    assert.equal((await running.ends()).code, 0)
  }
})

test('the program of the section on the library runs, and prints its receipt', async (t) => {
  const directory = await temporaryDirectory(t)
  const program = (blocks.find(({ language }) => language === 'ts')?.text ?? '')
    .replace("'iot-analytics-connector'", JSON.stringify(join(build, 'index.js')))
    .replace('storage:', 'sources: { mqttServer: { port: 0 } }, http: { port: 0 }, storage:')
  await writeFile(join(directory, 'program.mjs'), program)

  const { stdout } = await promisify(execFile)(process.execPath, ['program.mjs'], {
    cwd: directory,
  })

  assert.match(stdout, /response: \{ status: 'success' \}, id: 'req123'/)
})

// other-broker.yaml runs in test/e2e/other-broker.test.ts, the definition in
// test/e2e/definition.test.ts.
for (const name of ['forward.yaml', 'in-memory.yaml', 'local-store.yaml']) {
  test(`examples/${name} runs: a message in, a receipt out`, async (t) => {
    const api = await FakeIotAnalytics.start(t)
    const directory = await temporaryDirectory(t)
    const sends = (await readFile(join(root, 'examples', name), 'utf8')).includes('destinations:')
    const endpoint = ['--set', `destinations[0].iotAnalytics.endpoint=${api.url}`]
    const args = ['--config', join(root, 'examples', name), '--data', directory]
    const connector = await new ConnectorProcess(t, sends ? [...args, ...endpoint] : args, {
      env: {
        AWS_ACCESS_KEY_ID: FAKE_IDENTITY.accessKeyId,
        AWS_SECRET_ACCESS_KEY: FAKE_IDENTITY.secretAccessKey,
      },
    }).started()

    const published = await shell(
      'npx iot-analytics-connector publish my_channel \'{"temp":23.33}\' --receipts',
      connector,
      directory,
    )

    assert.match(published.stdout, /receipts: 1 success/)
    assert.equal(api.messageCount, sends ? 1 : 0)
  })
}
