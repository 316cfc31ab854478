/** Puts messages into a stream of Amazon Kinesis Data Streams. */
import type { RecordService } from '../aws/records/record-service.ts'
import { RecordsDestination } from '../aws/records/records-destination.ts'
import type { DestinationSettings } from '../destination-settings.ts'
import type { KinesisOptions } from './options.ts'
import { partitionKeyOf } from './partition-key.ts'

export class KinesisDestination extends RecordsDestination {
  constructor(settings: DestinationSettings<KinesisOptions>) {
    const { stream, partitionKey, format } = settings.options
    super({
      settings,
      service: serviceFor(stream),
      format: { format, endsLines: false },
      keyOf: partitionKeyOf(partitionKey),
    })
  }
}

/** Limits: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html */
export function serviceFor(stream: string): RecordService {
  const isArn = stream.startsWith('arn:')
  const name = stream.slice(stream.indexOf('/') + 1)
  return {
    service: 'kinesis',
    label: 'Kinesis',
    target: `the stream ${stream}`,
    howToCreate: `aws kinesis create-stream --stream-name ${name}`,
    api: 'Kinesis_20131202',
    put: 'PutRecords',
    describe: 'DescribeStreamSummary',
    targetJson: `${isArn ? '"StreamARN"' : '"StreamName"'}:${JSON.stringify(stream)}`,
    entries: 'Records',
    failedCount: 'FailedRecordCount',
    maxRecords: 500,
    // Streams take longer records only if they are configured so.
    maxRecordBytes: 1_048_576,
    // The bound of older regions.
    maxRequestBytes: 5_242_880,
  }
}
