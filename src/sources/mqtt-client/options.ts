import * as z from 'zod'
import { clientTlsFields, file, isPair, PAIR } from '../../named-files/tls-options.ts'
import { duration } from '../../unit-options.ts'

const will = z
  .strictObject({
    topic: z.string().min(1).describe('Topic of the will.'),
    payload: z.string().default('').describe('Payload of the will.'),
    qos: z
      .union([z.literal(0), z.literal(1), z.literal(2)])
      .default(1)
      .describe('QoS of the will.'),
    retain: z.boolean().default(false).describe('Whether the broker retains the will.'),
  })
  .describe(
    'Message that the broker publishes if the connector’s connection ends without a DISCONNECT.',
  )

const tls = z
  .strictObject({
    ...clientTlsFields('broker'),
    rejectUnauthorized: z
      .boolean()
      .default(true)
      .describe('false: accepts any certificate from the broker. For experiments only.'),
  })
  .refine(isPair, PAIR)
  .describe(
    'TLS settings. The files are read for each connection, so renewed certificates are used.',
  )

/** An existing MQTT broker that the connector subscribes to with MQTT.js. */
export const mqttClientOptions = z
  .strictObject({
    url: z
      .string()
      .regex(
        /^(mqtts?|wss?|tcp|tls):\/\/.+/,
        'must look like mqtt://host:1883 or mqtts://host:8883',
      )
      .refine((url) => !/^\w+:\/\/[^/]*@/.test(url), {
        message: 'must not carry a user and password: set username and passwordFile',
      })
      .describe('URL of the broker: mqtt://, mqtts://, ws:// or wss://, host and port.'),
    protocolVersion: z
      .union([z.literal(4), z.literal(5)])
      .default(4)
      .describe(
        '4: MQTT 3.1.1, which every broker supports. 5: senders can ask for receipts on a topic of their own, and the connector recognizes copies that overlapping filters produce.',
      ),
    qos: z
      .union([z.literal(0), z.literal(1), z.literal(2)])
      .default(1)
      .describe('QoS of the subscriptions.'),
    clientId: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe('Client id at the broker; no other client may use it. Default: a generated one.'),
    cleanSession: z
      .boolean()
      .optional()
      .describe(
        'false: the broker keeps messages while the connector is offline. Default: false with a clientId, true without one; false needs a clientId.',
      ),
    sessionExpiry: duration({ min: '0s', max: '4294967295s', bareUnit: 's', example: '7d' })
      .prefault('7d')
      .describe('How long the broker keeps them, with MQTT 5. With MQTT 3.1.1 the broker decides.'),
    username: z.string().min(1).optional().describe('User name at the broker.'),
    password: z.string().min(1).optional().describe('Password at the broker. Prefer passwordFile.'),
    passwordFile: file.optional().describe('File with the password, read for each connection.'),
    tls: tls.optional(),
    keepAlive: duration({ min: '5s', max: '65535s', bareUnit: 's' })
      .prefault('30s')
      .describe('Keep-alive. A dead connection is detected after one and a half times this.'),
    shareGroup: z
      .string()
      .regex(/^[^/+#]+$/, 'must not be empty or contain / + #')
      .optional()
      .describe('Shares the messages among the connectors of this group ($share/<group>/…).'),
    retained: z
      .enum(['ignore', 'take'])
      .default('ignore')
      .describe(
        'Whether to take the broker’s retained messages. The broker sends them again with each subscription, and they would be counted again. Live messages are always taken.',
      ),
    maxUnacknowledged: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .default(1000)
      .describe(
        'Maximum messages received but not yet on disk. At the limit, the connector stops reading.',
      ),
    receiptQos: z
      .union([z.literal(0), z.literal(1)])
      .default(1)
      .describe('QoS of the receipts.'),
    maxBufferedReceipts: z
      .number()
      .int()
      .min(0)
      .default(10_000)
      .describe(
        'Maximum receipts kept while the broker is unreachable or slow, within 16 MiB. Further receipts are dropped and counted.',
      ),
    will: will.optional(),
  })
  .refine(({ cleanSession, clientId }) => cleanSession !== false || clientId !== undefined, {
    path: ['clientId'],
    message: 'cleanSession: false needs a clientId, so that the broker recognizes the connector',
  })
  .refine(({ url, tls }) => tls === undefined || /^(mqtts|wss|tls):/.test(url), {
    path: ['url'],
    message: 'must be mqtts:// or wss:// if tls is set',
  })
  .refine(({ password, passwordFile }) => password === undefined || passwordFile === undefined, {
    path: ['passwordFile'],
    message: 'set password or passwordFile, not both',
  })
  .describe('Subscribes to an existing MQTT broker.')

export type MqttClientOptions = z.infer<typeof mqttClientOptions>
