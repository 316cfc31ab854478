import * as z from 'zod'
import { duration } from '../../unit-options.ts'

/** Settings that are never shown. */
export const MQTT_CLIENT_SECRETS: readonly string[] = ['password']

const file = z.string().min(1)

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
  .describe('What the broker publishes when we vanish without saying goodbye.')

const tls = z
  .strictObject({
    ca: file
      .optional()
      .describe('PEM file of the authorities that may have signed the broker’s certificate.'),
    cert: file.optional().describe('PEM file of our certificate, for mutual TLS.'),
    key: file.optional().describe('PEM file of our private key, for mutual TLS.'),
    keyPassphraseFile: file
      .optional()
      .describe('File with the passphrase of the private key, where it is encrypted.'),
    servername: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The name that the broker’s certificate must have, where it is not the URL’s host.',
      ),
    rejectUnauthorized: z
      .boolean()
      .default(true)
      .describe('false: talk to any broker, whoever it is. For trying things out.'),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    message: 'cert and key belong together: set both or none',
  })
  .describe('TLS. Files are read for each connection, so that renewed certificates are taken up.')

/** Somebody else's MQTT broker, subscribed to with MQTT.js. */
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
      .describe('The broker: mqtt://, mqtts://, ws:// or wss://, host and port.'),
    protocolVersion: z
      .union([z.literal(4), z.literal(5)])
      .default(4)
      .describe(
        '4: MQTT 3.1.1, which every broker speaks. 5: lets senders ask for receipts on a topic of their own, and tells copies of a message that overlapping filters bring.',
      ),
    qos: z
      .union([z.literal(0), z.literal(1), z.literal(2)])
      .default(1)
      .describe('QoS to subscribe with.'),
    clientId: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe(
        'Our name at the broker, for us alone. Without one a new name is made up each time.',
      ),
    cleanSession: z
      .boolean()
      .optional()
      .describe(
        'false: the broker keeps messages for us while we are away. The default where clientId is set; impossible where it is not.',
      ),
    sessionExpiry: duration({ min: '0s', max: '4294967295s', bareUnit: 's', example: '7d' })
      .prefault('7d')
      .describe('How long the broker keeps them, in MQTT 5. In 3.1.1 it is the broker that knows.'),
    username: z.string().min(1).optional().describe('User name at the broker.'),
    password: z.string().min(1).optional().describe('Password. Better kept in passwordFile.'),
    passwordFile: file
      .optional()
      .describe('File that holds the password, read for each connection.'),
    tls: tls.optional(),
    keepAlive: duration({ min: '5s', max: '65535s', bareUnit: 's' })
      .prefault('30s')
      .describe('A dead connection is noticed after one and a half times this.'),
    shareGroup: z
      .string()
      .regex(/^[^/+#]+$/, 'must not be empty or contain / + #')
      .optional()
      .describe('Share the messages with the other connectors of this group ($share/<group>/…).'),
    retained: z
      .enum(['ignore', 'take'])
      .default('ignore')
      .describe(
        'What the broker retained comes again with each subscription and would be counted anew. Live messages come in either way.',
      ),
    maxUnacknowledged: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .default(1000)
      .describe('Messages taken and not yet on disk, at most; then we stop reading.'),
    receiptQos: z
      .union([z.literal(0), z.literal(1)])
      .default(1)
      .describe('QoS to publish receipts with.'),
    maxBufferedReceipts: z
      .number()
      .int()
      .min(0)
      .default(10_000)
      .describe(
        'Receipts kept while the broker is away or slow; further ones are dropped and counted.',
      ),
    will: will.optional(),
  })
  .refine(({ cleanSession, clientId }) => cleanSession !== false || clientId !== undefined, {
    path: ['clientId'],
    message: 'cleanSession: false needs a clientId, by which the broker knows us again',
  })
  .refine(({ url, tls }) => tls === undefined || /^(mqtts|wss|tls):/.test(url), {
    path: ['url'],
    message: 'must be mqtts:// or wss:// for the tls settings to have a meaning',
  })
  .refine(({ password, passwordFile }) => password === undefined || passwordFile === undefined, {
    path: ['passwordFile'],
    message: 'set password or passwordFile, not both',
  })
  .describe('Subscribe on somebody else’s broker.')

export type MqttClientOptions = z.infer<typeof mqttClientOptions>
