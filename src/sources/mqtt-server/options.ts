import * as z from 'zod'
import { isAddressRange } from '../../addresses.ts'
import {
  checkClientCertificate,
  clientCertificate,
  file,
  minTlsVersion,
  serverTlsFields,
} from '../../named-files/tls-options.ts'
import { duration, size } from '../../unit-options.ts'
import { formatDuration, formatSize } from '../../units.ts'
import { accessRules } from './access/access-rule.ts'
import { DEFAULT_LIMITS } from './limits/limits.ts'

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
    ...serverTlsFields,
    clientCertificate: clientCertificate.describe(
      'Whether clients may or must present a certificate. The name in it is the user name, and no password is needed.',
    ),
    clientName: z
      .enum(['commonName', 'alternativeName'])
      .default('commonName')
      .describe(
        'Which name of a client’s certificate is the user name. With alternativeName, the first one counts.',
      ),
    minVersion: minTlsVersion,
  })
  .superRefine(checkClientCertificate)
  .describe('MQTT over TLS. Changed files are reloaded without dropping connections.')

const webSocket = z
  .strictObject({
    port: port.default(8083).describe('TCP port for WebSocket; 0 takes a free one.'),
    host: hostOfItsOwn,
    path: z
      .string()
      .regex(/^\/[^?#]*$/, 'must begin with / and have no ? or #')
      .default('/mqtt')
      .describe('Path in the URL.'),
    secure: z
      .boolean()
      .default(false)
      .describe('true: wss://, with the certificate and the settings of sources.mqttServer.tls.'),
    origins: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Web pages that may connect, such as https://panel.example; `*` allows all. Clients that send no Origin are always allowed.',
      ),
  })
  .describe('MQTT over WebSocket.')

const addressRange = z.string().refine(isAddressRange, {
  message: 'expected an IP address or a network such as 10.0.0.0/8',
})

const proxy = z
  .strictObject({
    trusted: z
      .array(addressRange)
      .min(1)
      .default(['127.0.0.1', '::1'])
      .describe(
        'Addresses and networks of the proxies. Other addresses can’t connect to the ports below.',
      ),
    ports: z
      .array(z.enum(['mqtt', 'tls', 'webSocket']))
      .default(['mqtt', 'tls', 'webSocket'])
      .describe(
        'Ports on which each connection begins with a header of the PROXY protocol, version 1 or 2 (HAProxy: send-proxy-v2; nginx: proxy_protocol on). On the TLS port the header comes before the handshake.',
      ),
    forwardedFor: z
      .boolean()
      .default(false)
      .describe(
        'true: on the WebSocket port, the client’s address is the last one in X-Forwarded-For that is not a proxy’s, instead of that in a PROXY header.',
      ),
  })
  .describe(
    'Proxies in front of the server. The addresses of clients that they report are used in limits and logs, and every address counts, also that of this machine. Clients can then come from other machines, so users, certificates or allowAnonymous are required.',
  )

const limits = z
  .strictObject({
    maxConnections: count('maxConnections', MANY).describe(
      'Maximum connections at once. Clients that have not been let in can take half of them.',
    ),
    maxConnectionsPerAddress: count('maxConnectionsPerAddress', MANY).describe(
      'Maximum connections at once from one IPv4 address or IPv6 /64. Loopback is not counted.',
    ),
    maxConnectsPerSecond: count('maxConnectsPerSecond', MANY).describe(
      'Maximum new connections per second from one address, also as a burst. Loopback is not counted.',
    ),
    maxFailuresPerMinute: count('maxFailuresPerMinute', MANY).describe(
      'Maximum wrong passwords per minute from one address, also from loopback. Above it, only users that have logged in from there before are let in for a while.',
    ),
    maxMessagesPerSecond: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe(
        'Maximum messages per second that one client may publish. A faster client has to wait; nothing is dropped.',
      ),
    maxUnacknowledged: count('receiveMaximum', 65_535).describe(
      'Maximum unacknowledged QoS 1 and 2 messages from one client (MQTT 5: Receive Maximum).',
    ),
    maxHeldBytes: bytes('maxHeldBytes').describe(
      'Maximum bytes from one client that wait to be processed. At the limit, its socket is not read for a while.',
    ),
    maxHeldBytesOfAll: bytes('maxHeldBytesOfAll').describe(
      'Maximum bytes from all clients together that wait to be processed. Beyond it, the clients with the most are disconnected.',
    ),
    maxSubscriptions: count('maxSubscriptionsPerClient', MANY).describe(
      'Maximum subscriptions per client, and topic filters per SUBSCRIBE.',
    ),
    maxSharedSubscriptions: count('maxSharedSubscriptionsPerClient', MANY).describe(
      'Maximum shared subscriptions per client.',
    ),
    maxFilterBytes: bytes('maxFilterBytesPerClient').describe(
      'Maximum bytes of all topic filters of one client.',
    ),
    maxFilterLevelsOfAll: count('maxFilterLevelsOfAll', 100 * MANY).describe(
      'Maximum levels in the topic filters of all clients together.',
    ),
    maxTopicLevels: count('maxTopicLevels', 64).describe(
      'Maximum levels of a topic or topic filter.',
    ),
    maxTopicAliases: count('maxTopicAliases', 65_535).describe(
      'Maximum topic aliases that the server uses towards one client (MQTT 5).',
    ),
    maxTopicAliasBytesOfAll: bytes('maxTopicAliasBytesOfAll').describe(
      'Maximum bytes kept for the topic aliases of all clients together. Beyond it, topics are written out.',
    ),
    maxUserProperties: count('maxUserProperties', 10_000).describe(
      'Maximum user properties of one packet (MQTT 5).',
    ),
    maxUserPropertyBytes: bytes('maxUserPropertyBytes').describe(
      'Maximum bytes of the user properties of one packet (MQTT 5).',
    ),
    maxWillBytes: bytes('maxWillBytes').describe(
      'Maximum bytes of a will: its topic, payload and properties.',
    ),
    maxWillBytesOfAll: bytes('maxWillBytesOfAll').describe(
      'Maximum bytes of the wills of all clients together. A client is refused if the user it belongs to has more than is left.',
    ),
    maxInflight: count('maxInflight', 65_535).describe(
      'Maximum QoS 1 and 2 messages in flight to one subscriber.',
    ),
    maxQueuedMessages: count('maxQueuedMessages', MANY).describe(
      'Maximum QoS 1 and 2 messages that wait for one subscriber. A subscriber that falls further behind is disconnected.',
    ),
    maxQueuedBytes: bytes('maxQueuedBytes').describe('Maximum bytes that wait for one subscriber.'),
    maxOutgoingBytes: bytes('maxOutgoingBytes').describe(
      'Maximum bytes that wait in a subscriber’s socket. Above it, QoS 0 messages are dropped and counted.',
    ),
    maxQueuedBytesOfAll: bytes('maxQueuedBytesOfAll').describe(
      'Maximum bytes that wait for all subscribers together. Those who hold the most get no more first.',
    ),
    maxOutgoingBytesOfAll: bytes('maxOutgoingBytesOfAll').describe(
      'Maximum bytes that wait in all subscribers’ sockets together. Those who read the least get no more first.',
    ),
    maxPartialBytesOfAll: bytes('maxPartialBytesOfAll').describe(
      'Maximum bytes of packets that have arrived in part, for all clients together.',
    ),
    maxRetainedMessages: count('maxRetainedMessages', MANY).describe(
      'Maximum retained messages. One user may have half of them. Beyond that, a message on a further topic is passed on and not retained.',
    ),
    maxRetainedBytes: bytes('maxRetainedBytes').describe(
      'Maximum bytes of all retained messages. Those of one user may take half of it.',
    ),
    maxOfflineSessions: count('maxOfflineSessions', MANY).describe(
      'Maximum sessions kept without a connection. For a further one, the user with the most loses the one that has been offline longest.',
    ),
    maxOfflineSessionsPerUser: count('maxOfflineSessionsPerUser', MANY).describe(
      'Maximum sessions of one user kept without a connection.',
    ),
    maxKeepAlive: duration({ min: '1s', max: '65535s', bareUnit: 's', example: '10m' })
      .prefault(formatDuration(DEFAULT_LIMITS.maxKeepAliveS * 1_000))
      .describe(
        'Maximum keep-alive. A longer one is reduced to it; the CONNACK reports this to MQTT 5 clients.',
      ),
    connectTimeout: duration({ min: '1ms', max: '10m', example: '5s' })
      .prefault(formatDuration(DEFAULT_LIMITS.connectTimeoutMs))
      .describe('Time allowed for the TLS handshake, and again for CONNECT to arrive.'),
  })
  .describe('Limits for single clients and for all clients together.')

/** The MQTT server that devices connect to. */
export const mqttServerOptions = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: port.default(1883).describe('TCP port; 0 takes a free one.'),
    allowAnonymous: z
      .boolean()
      .default(false)
      .describe(
        'Admits clients without a user or certificate. Listening beyond loopback without passwordFile or clientCertificate requires it: anyone who can reach the port can then publish.',
      ),
    passwordFile: file
      .optional()
      .describe('File of users, written by the passwd command. Changes take effect immediately.'),
    acl: accessRules
      .optional()
      .describe(
        'Rules for publishing and subscribing. The first rule that applies to the client and names the topic decides. A topic that no rule names is refused. Without rules, everything is allowed.',
      ),
    aclFile: file
      .optional()
      .describe(
        'YAML or JSON file with such a list, instead of acl. Changes take effect immediately.',
      ),
    revealRefusals: z
      .boolean()
      .default(true)
      .describe(
        'false: a refused client learns only that it was refused (MQTT 5: 0x80, no reason), not whether the password, the user or a rule was the cause. The log says why.',
      ),
    tls: tls.optional(),
    webSocket: webSocket.optional(),
    proxy: proxy.optional(),
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
export type ProxyOptions = z.infer<typeof proxy>
export type WebSocketOptions = z.infer<typeof webSocket>
export type LimitOptions = z.infer<typeof limits>
