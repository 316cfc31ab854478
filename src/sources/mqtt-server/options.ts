import { z } from 'zod'

/** The front door: our own MQTT server that devices connect to. */
export const mqttServerOptions = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(1883)
      .describe('TCP port; 0 takes a free one.'),
    allowAnonymous: z
      .boolean()
      .default(false)
      .describe(
        'Listen beyond loopback without authentication. Anyone who reaches the port can publish.',
      ),
  })
  .describe('The MQTT server that devices connect to.')

export type MqttServerOptions = z.infer<typeof mqttServerOptions>
