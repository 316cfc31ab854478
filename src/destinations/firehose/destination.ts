/** Puts messages into a stream of Amazon Data Firehose. */
import type { RecordService } from '../aws/records/record-service.ts'
import { RecordsDestination } from '../aws/records/records-destination.ts'
import type { DestinationSettings } from '../destination-settings.ts'
import type { FirehoseOptions } from './options.ts'

export class FirehoseDestination extends RecordsDestination {
  constructor(settings: DestinationSettings<FirehoseOptions>) {
    const { deliveryStream, format } = settings.options
    // Firehose joins records, so each row ends its line.
    super({ settings, service: serviceFor(deliveryStream), format: { format, endsLines: true } })
  }
}

/** Limits: https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html */
export function serviceFor(deliveryStream: string): RecordService {
  return {
    service: 'firehose',
    label: 'Firehose',
    target: `the Firehose stream ${deliveryStream}`,
    howToCreate: `aws firehose create-delivery-stream --delivery-stream-name ${deliveryStream}`,
    api: 'Firehose_20150804',
    put: 'PutRecordBatch',
    describe: 'DescribeDeliveryStream',
    targetJson: `"DeliveryStreamName":${JSON.stringify(deliveryStream)}`,
    entries: 'RequestResponses',
    failedCount: 'FailedPutCount',
    maxRecords: 500,
    maxRecordBytes: 1_024_000,
    maxRequestBytes: 4_194_304,
  }
}
