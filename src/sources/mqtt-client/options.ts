import { z } from 'zod'

/** Somebody else's MQTT broker, subscribed to with MQTT.js. */
export const mqttClientOptions = z
  .strictObject({
    url: z
      .string()
      .regex(
        /^(mqtts?|wss?|tcp|tls):\/\/.+/,
        'must look like mqtt://host:1883 or mqtts://host:8883',
      )
      .describe('The broker: mqtt://, mqtts://, ws:// or wss://, host and port.'),
    qos: z
      .union([z.literal(0), z.literal(1), z.literal(2)])
      .default(1)
      .describe('QoS to subscribe with.'),
  })
  .describe('Subscribe on somebody else’s broker.')

export type MqttClientOptions = z.infer<typeof mqttClientOptions>
