// Starts the connector and the relay for ingress; ends with the connector. /data is the add-on's
// own, /config is what people edit.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createRelay } from './relay.mjs'

const INGRESS_PORT = 8099
const CONNECTOR = { host: '127.0.0.1', port: 8090 }
const configuration = '/config/iot-analytics-connector.yaml'
const tokenFile = '/data/ingress-token'

if (!existsSync(configuration)) {
  copyFileSync(join(import.meta.dirname, 'iot-analytics-connector.yaml'), configuration)
}
// Of this start: nobody else has to know it.
const token = randomBytes(32).toString('hex')
writeFileSync(tokenFile, token, { mode: 0o600 })

const settings = [
  ...['storage.directory=/data/connector', `http.tokenFile=${tokenFile}`],
  ...[`http.host=${CONNECTOR.host}`, `http.port=${CONNECTOR.port}`],
].flatMap((setting) => ['--set', setting])
const program = join(import.meta.dirname, 'program', 'main.js')
const connector = spawn(
  process.execPath,
  [program, 'run', '--no-banner', '--config', configuration, ...settings],
  { stdio: ['ignore', 'inherit', 'inherit'] },
)
const relay = createRelay({ connector: CONNECTOR, token })
relay.listen(INGRESS_PORT)

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => connector.kill(signal))
}
connector.on('error', (error) => {
  process.stderr.write(`The connector could not be started: ${error.message}\n`)
  process.exit(1)
})
connector.on('exit', (code) => process.exit(code ?? 1))
