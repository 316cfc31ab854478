import * as z from 'zod'
import { duration, size } from '../../unit-options.ts'
import { formatDuration, formatSize } from '../../units.ts'
import { accessRules } from './access/access-rule.ts'
import { DEFAULT_LIMITS } from './limits/limits.ts'

const file = z.string().min(1)
const port = z.number().int().min(0).max(65_535)
const hostOfItsOwn = z
  .string()
  .min(1)
  .optional()
  .describe('Address to listen on. Default: that of sources.mqttServer.host.')

const count = (name: keyof typeof DEFAULT_LIMITS, max: number) =>
  z.number().int().min(1).max(max).default(DEFAULT_LIMITS[name])
const bytes = (name: keyof typeof DEFAULT_LIMITS) =>
  size({ min: '1B', max: '1GiB' }).prefault(formatSize(DEFAULT_LIMITS[name]))

const MANY = 1_000_000

const tls = z
  .strictObject({
    port: port.default(8883).describe('TCP port for TLS; 0 takes a free one.'),
    host: hostOfItsOwn,
    cert: file.describe('PEM file of our certificate, with those between it and the authority.'),
    key: file.describe('PEM file of our private key.'),
    keyPassphraseFile: file
      .optional()
      .describe('File with the passphrase of the private key, where it is encrypted.'),
    ca: file
      .optional()
      .describe('PEM file of the authorities that may have signed a client’s certificate.'),
    crl: file
      .optional()
      .describe(
        'PEM file of revoked certificates: a current list of each authority in ca. Clients that show one of them are turned away.',
      ),
    clientCertificate: z
      .enum(['ignored', 'optional', 'required'])
      .default('ignored')
      .describe(
        'Whether clients show a certificate. The name in it is the user name; no password is asked for then.',
      ),
    clientName: z
      .enum(['commonName', 'alternativeName'])
      .default('commonName')
      .describe(
        'Which name of a client’s certificate counts; of several alternative ones the first.',
      ),
    minVersion: z
      .enum(['TLSv1.2', 'TLSv1.3'])
      .default('TLSv1.2')
      .describe('The oldest version of TLS that is spoken.'),
  })
  .refine(({ ca, clientCertificate }) => clientCertificate === 'ignored' || ca !== undefined, {
    path: ['ca'],
    message: 'clientCertificate needs ca, which says whose certificates count',
  })
  .refine(({ crl, clientCertificate }) => crl === undefined || clientCertificate !== 'ignored', {
    path: ['crl'],
    message: 'crl is about the certificates of clients, which clientCertificate has ignored',
  })
  .describe('MQTT over TLS. Changed files are taken up without dropping connections.')

const webSocket = z
  .strictObject({
    port: port.default(8083).describe('TCP port for WebSocket; 0 takes a free one.'),
    host: hostOfItsOwn,
    path: z
      .string()
      .regex(/^\/[^?#]*$/, 'must begin with / and have no ? or #')
      .default('/mqtt')
      .describe('Path of the URL.'),
    secure: z
      .boolean()
      .default(false)
      .describe('true: wss://, with the certificate and the rules of sources.mqttServer.tls.'),
    origins: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Web pages that may connect, such as https://panel.example; `*` for all. Programs that send no Origin always may.',
      ),
  })
  .describe('MQTT over WebSocket.')

const limits = z
  .strictObject({
    maxConnections: count('maxConnections', MANY).describe('Connections at once.'),
    maxConnectionsPerAddress: count('maxConnectionsPerAddress', MANY).describe(
      'Connections at once from one IPv4 address or IPv6 /64. Loopback is not counted.',
    ),
    maxConnectsPerSecond: count('maxConnectsPerSecond', MANY).describe(
      'New connections a second from one address, and at once. Loopback is not counted.',
    ),
    maxFailuresPerMinute: count('maxFailuresPerMinute', MANY).describe(
      'Wrong passwords a minute from one address; then its passwords are not looked at for a while.',
    ),
    maxMessagesPerSecond: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe(
        'Messages a second that one client may publish. Faster ones are made to wait; nothing is dropped.',
      ),
    maxUnacknowledged: count('receiveMaximum', 65_535).describe(
      'QoS 1 and 2 messages of one client that wait for their acknowledgement (MQTT 5: Receive Maximum).',
    ),
    maxHeldBytes: bytes('maxHeldBytes').describe(
      'Bytes of one client that wait to be taken in; then its socket is not read for a while.',
    ),
    maxSubscriptions: count('maxSubscriptionsPerClient', MANY).describe(
      'Subscriptions of one client, and topic filters in one SUBSCRIBE.',
    ),
    maxInflight: count('maxInflight', 65_535).describe(
      'QoS 1 and 2 messages on their way to one subscriber, not yet acknowledged.',
    ),
    maxQueuedMessages: count('maxQueuedMessages', MANY).describe(
      'QoS 1 and 2 messages that wait for one subscriber; one that falls further behind is cut off.',
    ),
    maxQueuedBytes: bytes('maxQueuedBytes').describe('The same in bytes.'),
    maxOutgoingBytes: bytes('maxOutgoingBytes').describe(
      'Bytes waiting in a subscriber’s socket; above it QoS 0 messages are dropped and counted.',
    ),
    maxKeepAlive: duration({ min: '1s', max: '65535s', bareUnit: 's', example: '10m' })
      .prefault(formatDuration(DEFAULT_LIMITS.maxKeepAliveS * 1_000))
      .describe('Longest keep-alive; a longer one is cut to it, and MQTT 5 clients are told.'),
    connectTimeout: duration({ min: '1ms', max: '10m', example: '5s' })
      .prefault(formatDuration(DEFAULT_LIMITS.connectTimeoutMs))
      .describe('Time for the TLS handshake, and again for CONNECT to arrive.'),
  })
  .describe('Bounds of what clients may cost, one by one and together.')

/** The front door: our own MQTT server that devices connect to. */
export const mqttServerOptions = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: port.default(1883).describe('TCP port; 0 takes a free one.'),
    allowAnonymous: z
      .boolean()
      .default(false)
      .describe(
        'Let clients in that have neither user nor certificate. Without passwordFile and clientCertificate this is needed to listen beyond loopback: anyone who reaches the port can publish.',
      ),
    passwordFile: file
      .optional()
      .describe('File of users, written by the passwd command. Changes are taken up at once.'),
    acl: accessRules
      .optional()
      .describe(
        'Who may publish and subscribe to what. The first rule that applies to the client and names the topic decides; what no rule names is refused. Without rules everything is allowed.',
      ),
    aclFile: file
      .optional()
      .describe(
        'YAML or JSON file with such a list, instead of acl. Changes are taken up at once.',
      ),
    revealRefusals: z
      .boolean()
      .default(true)
      .describe(
        'false: clients that may not come in, publish or subscribe hear only that they were refused (MQTT 5: 0x80, no reason), not whether it was the password, the user or a rule. Logs say it.',
      ),
    tls: tls.optional(),
    webSocket: webSocket.optional(),
    limits: limits.prefault({}),
  })
  .refine(({ acl, aclFile }) => acl === undefined || aclFile === undefined, {
    path: ['aclFile'],
    message: 'set acl or aclFile, not both',
  })
  .refine(({ webSocket, tls }) => webSocket?.secure !== true || tls !== undefined, {
    path: ['webSocket', 'secure'],
    message: 'needs the section tls beside webSocket, for its certificate',
  })
  .describe('The MQTT server that devices connect to.')

export type MqttServerOptions = z.infer<typeof mqttServerOptions>
/** Without the bounds, which nothing but the server itself has to know. */
export type MqttServerSettings = Omit<MqttServerOptions, 'limits'>
export type TlsOptions = z.infer<typeof tls>
export type WebSocketOptions = z.infer<typeof webSocket>
export type LimitOptions = z.infer<typeof limits>
