/** Translates our options into those of MQTT.js, and reads the files they name. */
import { randomBytes } from 'node:crypto'
import type { IClientOptions } from 'mqtt'
import { asConnectorError, type ConnectorError } from '../../errors.ts'
import { readNamedSecret } from '../../named-files/named-file.ts'
import { type TlsFileNames, TlsFiles } from '../../named-files/tls-files.ts'
import type { MqttClientOptions } from './options.ts'
import { MAX_PUBLISH_BYTES, MAX_WEB_SOCKET_BYTES } from './packet-meter.ts'

const CONNECT_TIMEOUT_MS = 10_000
const PASSWORD_FILE = 'sources.mqttClient.passwordFile'

function isCleanSession({ cleanSession, clientId }: MqttClientOptions): boolean {
  return cleanSession ?? clientId === undefined
}

/** @throws {ConnectorError} InvalidConfiguration if a file can't be read or used. */
export async function connectOptions(options: MqttClientOptions): Promise<IClientOptions> {
  const clean = isCleanSession(options)
  return {
    protocolVersion: options.protocolVersion,
    clientId: options.clientId ?? `iot-analytics-${randomBytes(4).toString('hex')}`,
    clean,
    keepalive: options.keepAlive / 1_000,
    // Send a PINGREQ every keep-alive interval, whatever else we write: only its answer shows that
    // the broker is still there.
    reschedulePings: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // We reconnect ourselves (`broker-link.ts`), with a new client object for each connection, so
    // that no state of an old connection leaks into the next.
    reconnectPeriod: 0,
    resubscribe: false,
    // A WebSocket message is collected before its packets are read (`packet-meter.ts`).
    ...(/^wss?:/.test(options.url) && { wsOptions: { maxPayload: MAX_WEB_SOCKET_BYTES } }),
    ...(await credentials(options)),
    ...(await tlsOptions(options)),
    ...(options.will === undefined
      ? {}
      : { will: { ...options.will, payload: Buffer.from(options.will.payload) } }),
    ...(options.protocolVersion === 5
      ? {
          properties: {
            receiveMaximum: options.maxUnacknowledged,
            // A longer message is not sent, instead of ending the connection.
            maximumPacketSize: MAX_PUBLISH_BYTES,
            sessionExpiryInterval: clean ? 0 : options.sessionExpiry / 1_000,
          },
        }
      : {}),
  }
}

async function credentials(options: MqttClientOptions): Promise<IClientOptions> {
  const { username, password, passwordFile } = options
  const secret =
    passwordFile === undefined ? password : await readNamedSecret(passwordFile, PASSWORD_FILE)
  return {
    ...(username === undefined ? {} : { username }),
    ...(secret === undefined ? {} : { password: secret }),
  }
}

async function tlsOptions({ tls }: MqttClientOptions): Promise<IClientOptions> {
  if (tls === undefined) return {}
  const { servername, rejectUnauthorized } = tls
  const { ca, cert, key, passphrase } = await tlsFilesOf(tls).contents()
  return {
    rejectUnauthorized,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
    ...(servername !== undefined && { servername }),
  }
}

function tlsFilesOf(tls: TlsFileNames): TlsFiles {
  return new TlsFiles(tls, { place: 'sources.mqttClient.tls' })
}

/** What is wrong with the files, all of it. */
export async function fileProblems({
  passwordFile,
  tls,
}: MqttClientOptions): Promise<ConnectorError[]> {
  const problems = tls === undefined ? [] : await tlsFilesOf(tls).problems()
  try {
    if (passwordFile !== undefined) await readNamedSecret(passwordFile, PASSWORD_FILE)
  } catch (thrown) {
    problems.unshift(asConnectorError(thrown, 'InvalidConfiguration', PASSWORD_FILE))
  }
  return problems
}
