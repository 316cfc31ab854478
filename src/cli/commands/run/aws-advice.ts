/**
 * Advice for destinations at AWS itself: that the service was shut down, the policy that the
 * credentials need, and the Regions that had the service.
 */
import type { ConnectorConfig } from '../../../config/connector-config.ts'
import { isAwsEndpoint } from '../../../config/derived-defaults.ts'

/**
 * Specification, Limits, and Regions added later. us-west-1, in the specification's example, never
 * had the service.
 */
const REGIONS = [
  'us-east-1',
  'us-east-2',
  'us-west-2',
  'ap-northeast-1',
  'ap-south-1',
  'ap-southeast-2',
  'eu-central-1',
  'eu-west-1',
  'cn-north-1',
]

/** Sentences for the operator; empty if no destination is AWS. */
export function awsAdvice(config: ConnectorConfig): string[] {
  const advice: string[] = []
  for (const { kind, name, options } of config.destinations) {
    if (kind !== 'iotAnalytics' || !isAwsEndpoint(options.endpoint)) continue
    const { region = '' } = options
    advice.push(
      `AWS shut down IoT Analytics on 2025-12-15, so messages for ${name} will wait in the queue. Set the destination’s endpoint to a service that supports BatchPutMessage, or remove the destination to keep messages in the local store.`,
      `${name} needs credentials that allow iotanalytics:BatchPutMessage on arn:${partitionOf(region)}:iotanalytics:${region}:<account>:channel/<channel>.`,
    )
    if (!REGIONS.includes(region)) {
      advice.push(
        `AWS never offered IoT Analytics in ${region}. It was available in ${REGIONS.join(', ')}.`,
      )
    }
  }
  return advice
}

function partitionOf(region: string): string {
  return region.startsWith('cn-') ? 'aws-cn' : 'aws'
}
