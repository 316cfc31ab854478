/** Follows docs/security.md from the first line to the last, as a reader would. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeCertificates, skipWithoutOpenssl } from '../support/processes/certificates.ts'
import { skipWithout } from '../support/processes/real-peers.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.js')

interface Block {
  readonly kind: string
  readonly text: string
}

function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(\w+(?: \w+)?)\n(.*?)^```$/gms)].map(
    ([, kind = '', text = '']) => ({
      kind,
      text,
    }),
  )
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return String(typeof address === 'object' && address !== null ? address.port : 0)
}

/** A directory with the program in its PATH. */
async function shell(t: TestContext, variables: Readonly<Record<string, string>> = {}) {
  const directory = await temporaryDirectory(t)
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  const program = join(bin, 'iot-analytics-connector')
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`)
  chmodSync(program, 0o755)
  const env = { ...process.env, ...variables, PATH: `${bin}${delimiter}${process.env['PATH']}` }
  const start = (script: string) => {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], { cwd: directory, env })
    t.after(() => child.kill('SIGKILL'))
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += String(chunk)
      })
    }
    return { child, output: () => output }
  }
  return { directory, start }
}

test('every command and every file of docs/security.md does what the page says', {
  skip: skipWithoutOpenssl || skipWithout('mosquitto_pub') || skipWithout('curl'),
}, async (t) => {
  const port = await freePort()
  const httpPort = await freePort()
  const variables = { IOT_ANALYTICS_CONNECTOR__HTTP__PORT: httpPort }
  const { directory, start } = await shell(t, variables)
  const connectors: ReturnType<typeof start>[] = []
  const blocks = blocksOf(readFileSync(join(root, 'docs', 'security.md'), 'utf8'))
  assert.equal(blocks.length, 16)

  for (const { kind, text } of blocks) {
    const script = text.replaceAll('8883', port).replaceAll('8090', httpPort)
    if (kind === 'yaml') {
      const name = /^# (\S+)\n/.exec(text)?.[1]
      assert(name !== undefined)
      writeFileSync(join(directory, name), text)
    } else if (kind === 'sh run') {
      for (const { child } of connectors.splice(0)) {
        child.kill('SIGTERM')
        await once(child, 'close')
      }
      const elsewhere = `--set sources.mqttServer.port=0 --set sources.mqttServer.tls.port=${port}`
      const connector = start(`exec ${script.trim()} ${elsewhere}`)
      connectors.push(connector)
      while (!connector.output().includes('"event":"started"')) {
        assert.equal(connector.child.exitCode, null, connector.output())
        await once(connector.child.stderr, 'data')
      }
    } else {
      const { child, output } = start(script)
      const [code] = await once(child, 'close')
      assert.equal(code, 0, `${script}\n${output()}`)
    }
  }

  const [connector] = connectors
  connector?.child.kill('SIGTERM')
  if (connector !== undefined) await once(connector.child, 'close')
  assert.doesNotMatch(connector?.output() ?? '', /scrypt\$|a long password|PRIVATE/)
})

test('check shows where secrets are and none of them', { skip: skipWithoutOpenssl }, async (t) => {
  const { directory, start } = await shell(t)
  const certificates = makeCertificates(t)
  copyFileSync(certificates.path('broker.crt'), join(directory, 'connector.crt'))
  copyFileSync(certificates.path('broker.key'), join(directory, 'connector.key'))
  const passwd = start("printf %s 'a long password' | iot-analytics-connector passwd users pump_1")
  await once(passwd.child, 'close')
  writeFileSync(
    join(directory, 'connector.yaml'),
    'sources: { mqttServer: { passwordFile: users, tls: { cert: connector.crt, key: connector.key } } }\n',
  )

  const { child, output } = start(
    'iot-analytics-connector check -c connector.yaml --set sources.mqttServer.port=0 --set sources.mqttServer.tls.port=0 --set http.port=0',
  )
  const [code] = await once(child, 'close')

  assert.equal(code, 0, output())
  assert.match(output(), /passwordFile: users/)
  assert.match(output(), /key: connector\.key/)
  assert.doesNotMatch(output(), /scrypt/)
})
