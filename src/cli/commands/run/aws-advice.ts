/**
 * What to know about sending to AWS itself: the policy the credentials need, the Regions the service
 * was in, and that it is gone.
 */
import type { ConnectorConfig } from '../../../config/connector-config.ts'
import { isAwsEndpoint } from '../../../config/derived-defaults.ts'

/** Specification, Limits, and what came after it. us-west-1, of the specification's example, never was one. */
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

/** Sentences for the operator; none when no destination is AWS. */
export function awsAdvice(config: ConnectorConfig): string[] {
  const advice: string[] = []
  for (const { name, options } of config.destinations) {
    if (!isAwsEndpoint(options.endpoint)) continue
    advice.push(
      `AWS shut IoT Analytics down on 2025-12-15, so ${name} will hardly be answered; messages wait in the queue meanwhile. Set the destination’s endpoint to a service that speaks BatchPutMessage, or leave destinations out to keep messages here.`,
      `${name} needs credentials that allow iotanalytics:BatchPutMessage on arn:${partitionOf(options.region)}:iotanalytics:${options.region}:<account>:channel/<channel>.`,
    )
    if (!REGIONS.includes(options.region)) {
      advice.push(
        `AWS never offered IoT Analytics in ${options.region}. It was in ${REGIONS.join(', ')}.`,
      )
    }
  }
  return advice
}

function partitionOf(region: string): string {
  return region.startsWith('cn-') ? 'aws-cn' : 'aws'
}
