import * as z from 'zod'
import { topicFilter } from '../../topic-option.ts'

/** Local publish/subscribe of a Greengrass v2 nucleus, which starts the connector as a component. */
export const greengrassOptions = z
  .strictObject({
    component: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,128}$/, 'expected 1 to 128 of A-Z a-z 0-9 . _ -')
      .optional()
      .describe(
        'Name of the component, to log in again after nucleus lite has restarted. `run --greengrass` sets it.',
      )
      .meta({ examples: ['com.example.IoTAnalyticsConnector'] }),
    iotCoreInputs: z
      .array(topicFilter)
      .default([])
      .describe(
        'Topics of AWS IoT Core to subscribe to through the nucleus. The component needs the permission aws.greengrass#SubscribeToIoTCore for each. Messages on topics of your own go to the channel IotAnalyticsDefaultChannelName.',
      )
      .meta({ examples: [['iotanalytics/channels/+/messages/put']] }),
    iotCoreStatus: z
      .boolean()
      .default(false)
      .describe(
        'Whether status messages are published to AWS IoT Core too. The component needs the permission aws.greengrass#PublishToIoTCore for iotanalytics/messages/put/status.',
      ),
    maxBufferedMessages: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe(
        'Maximum messages that wait in memory, within 16 MiB, while storing is slow or the configuration changes. Further ones are refused: BufferFull.',
      ),
    maxBufferedReceipts: z
      .number()
      .int()
      .min(0)
      .default(10_000)
      .describe(
        'Maximum receipts kept while the nucleus is unreachable or slow, within 16 MiB. Further receipts are dropped and counted.',
      ),
  })
  .describe(
    'Local publish/subscribe of AWS IoT Greengrass v2. Works only in a component that a nucleus has started.',
  )

export type GreengrassOptions = z.infer<typeof greengrassOptions>
