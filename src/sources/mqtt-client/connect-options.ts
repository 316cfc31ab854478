/** Translates our options into those of MQTT.js, and reads the files they name. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { IClientOptions } from 'mqtt'
import { ConnectorError, fileReasonOf } from '../../errors.ts'
import type { MqttClientOptions } from './options.ts'
import { MAX_PUBLISH_BYTES, MAX_WEB_SOCKET_BYTES } from './packet-meter.ts'

const CONNECT_TIMEOUT_MS = 10_000

function isCleanSession({ cleanSession, clientId }: MqttClientOptions): boolean {
  return cleanSession ?? clientId === undefined
}

/** @throws {ConnectorError} InvalidConfiguration if a file can't be read. */
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
    passwordFile === undefined ? password : await secretOf(passwordFile, 'passwordFile')
  return {
    ...(username === undefined ? {} : { username }),
    ...(secret === undefined ? {} : { password: secret }),
  }
}

async function tlsOptions({ tls }: MqttClientOptions): Promise<IClientOptions> {
  if (tls === undefined) return {}
  const { ca, cert, key, keyPassphraseFile, servername, rejectUnauthorized } = tls
  return {
    rejectUnauthorized,
    ...(ca === undefined ? {} : { ca: await contentOf(ca, 'tls.ca') }),
    ...(cert === undefined ? {} : { cert: await contentOf(cert, 'tls.cert') }),
    ...(key === undefined ? {} : { key: await contentOf(key, 'tls.key') }),
    ...(keyPassphraseFile === undefined
      ? {}
      : { passphrase: await secretOf(keyPassphraseFile, 'tls.keyPassphraseFile') }),
    ...(servername === undefined ? {} : { servername }),
  }
}

/** The text of the file, without a line end after it. */
async function secretOf(path: string, setting: string): Promise<string> {
  return (await contentOf(path, setting)).toString('utf8').replace(/\r?\n$/, '')
}

/** `setting` names the option that holds the path. Throws `InvalidConfiguration`. */
export async function contentOf(path: string, setting: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (thrown) {
    throw new ConnectorError(
      'InvalidConfiguration',
      `sources.mqttClient.${setting}: can’t read ${resolve(path)}: ${fileReasonOf(thrown)}`,
      { cause: thrown },
    )
  }
}
