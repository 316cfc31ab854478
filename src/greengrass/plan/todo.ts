/** What somebody has to do beside deploying the configuration of a plan. */
import type { Route } from './routes.ts'
import type { V1Group } from './v1-group.ts'

const NO_CONNECTOR =
  'Add the connector’s parameters, such as IotAnalyticsDefaultChannelName: the files have no connector definition.'
const NO_SUBSCRIPTIONS =
  'Add the inputs: the files have no subscriptions, so the connector takes messages on the predefined topics alone.'
const DESTINATIONS =
  'AWS IoT Analytics was shut down on 2025-12-15. Name other destinations under connector.destinations in the component’s configuration; without one, messages stay in the local store.'
const ROLE =
  'Give the token exchange role the permissions that the group role had, for the destinations that you name (iotanalytics:BatchPutMessage was for AWS IoT Analytics).'
const CLIENT_DEVICES =
  'Deploy aws.greengrass.clientdevices.Auth (its policies allow the devices mqtt:connect, mqtt:publish and mqtt:subscribe), a broker (aws.greengrass.clientdevices.mqtt.Moquette or …mqtt.EMQX), the Bridge and aws.greengrass.clientdevices.IPDetector. The devices keep their certificates and core discovery. Nucleus lite has no Bridge: there, devices publish to the connector’s own MQTT server.'
const AT_MOST_ONCE =
  'From the Bridge to the connector a message is delivered at most once, as in v1. Where every message counts, let devices publish with QoS 1 to the connector’s own MQTT server.'

/** One sentence or more each. */
export function todoOf(
  { connector, subscriptions }: V1Group,
  routes: readonly Route[],
): readonly string[] {
  const hasMappings = routes.some(({ mappings }) => mappings.length > 0)
  const others = (subscriptions ?? []).filter(
    (one) => !routes.some(({ subscription }) => subscription === one),
  )
  return [
    ...(connector === undefined ? [NO_CONNECTOR] : []),
    ...(subscriptions === undefined ? [NO_SUBSCRIPTIONS] : []),
    DESTINATIONS,
    ROLE,
    ...(hasMappings ? [CLIENT_DEVICES, AT_MOST_ONCE] : []),
    ...new Set(routes.flatMap(({ todo }) => todo)),
    ...(others.length === 0
      ? []
      : [
          `Plan these subscriptions too; they do not concern the connector: ${others.map(({ id }) => id).join(', ')}.`,
        ]),
  ]
}
