/** The commands that the banner suggests work as they are pasted into a shell. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { temporaryFile } from '../support/disk/temporary-file.ts'
import { makeCertificates, skipWithoutOpenssl } from '../support/processes/certificates.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { passwordFile } from '../support/processes/password-file.ts'
import { skipWithout } from '../support/processes/real-peers.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'
import { until } from '../support/until.ts'

const skip = skipWithoutOpenssl || skipWithout('mosquitto_pub')

async function start(
  t: TestContext,
  settings: readonly string[],
  withMqttServer = true,
): Promise<ConnectorProcess> {
  const data = await temporaryDirectory(t)
  const args = settings.flatMap((setting) => ['--set', setting])
  return await new ConnectorProcess(t, ['--data', data, ...args], { withMqttServer }).started()
}

function suggestedBy({ command: { stdout } }: ConnectorProcess): string[] {
  const [, after = ''] = stdout.split('Try in another terminal:\n')
  return (after.split('\n\n')[0] ?? '').split('\n').map((line) => line.trim())
}

/** @throws if the command ends with an exit code other than 0 */
async function paste(line = ''): Promise<string> {
  const options = { timeout: 10_000, cwd: tmpdir() }
  return (await promisify(execFile)('/bin/sh', ['-c', line], options)).stdout
}

test('with users and a token, the suggested commands carry them', { skip }, async (t) => {
  const users = await passwordFile(t, { pump_1: 'a long password' })
  const tokenFile = await temporaryFile(t, 'the token', 'a-token-of-24-characters\n')
  const connector = await start(t, [
    `sources.mqttServer.passwordFile=${users}`,
    `http.tokenFile=${tokenFile}`,
  ])

  const [publish = '', tail = '', health] = suggestedBy(connector)
  await paste(publish.replace('USER', 'pump_1').replace('PASSWORD', "'a long password'"))
  const messages = await paste(tail.replace('--follow', '--from earliest'))

  assert.match(publish, / -u USER -P PASSWORD /)
  assert.match(tail, /^IOT_ANALYTICS_CONNECTOR_TOKEN="\$\(cat '[^']*the token'\)" /)
  assert.match(messages, /id=req123 {2}\{"temp":23\.33\}/)
  assert.match(await paste(`${health} --silent`), /"ready":true/)
})

test('with client certificates, the suggested command uses the TLS port and a certificate', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const connector = await start(t, [
    ...['tls.port=0', `tls.cert=${certificates.path('broker.crt')}`]
      .concat(`tls.key=${certificates.path('broker.key')}`, `tls.ca=${certificates.path('ca.crt')}`)
      .concat('tls.clientCertificate=required')
      .map((setting) => `sources.mqttServer.${setting}`),
  ])

  const [publish = ''] = suggestedBy(connector)
  const client = certificates.path('connector')
  await paste(publish.replace('CLIENT.crt', `${client}.crt`).replace('CLIENT.key', `${client}.key`))
})

test('for a broker with TLS and a password, the suggested command works unchanged', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const users = await passwordFile(t, { bridge: 'secret' })
  const secret = await temporaryFile(t, 'the password', 'secret\n')
  const broker = await start(
    t,
    ['tls.port=0', `passwordFile=${users}`, `tls.cert=${certificates.path('broker.crt')}`]
      .concat(`tls.key=${certificates.path('broker.key')}`)
      .map((setting) => `sources.mqttServer.${setting}`),
  )
  const [, port] = /mqtts:\/\/127\.0\.0\.1:(\d+)/.exec(broker.command.stdout) ?? []
  const bridge = await start(
    t,
    [`url=mqtts://127.0.0.1:${port}`, 'username=bridge', `passwordFile=${secret}`]
      .concat(`tls.ca=${certificates.path('ca.crt')}`)
      .map((setting) => `sources.mqttClient.${setting}`),
    false,
  )

  const [publish = ''] = suggestedBy(bridge)

  assert.match(publish, / --cafile \S+ -u bridge -P "\$\(cat '[^']*the password'\)" /)
  await until('the message has arrived over the broker', async () => {
    await paste(publish)
    const ledger = await (await fetch(`${bridge.httpUrl}/ledger?format=text`)).text()
    return /^total +[1-9]/m.test(ledger)
  })
})
