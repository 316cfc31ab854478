/** Metrics of the contents of datasets: a part of the catalogue. */
export const DATASET_METRICS = {
  dataset_contents_total: {
    type: 'counter',
    labels: ['dataset'],
    help: 'Contents of the dataset that were made.',
  },
  dataset_bytes_total: {
    type: 'counter',
    labels: ['dataset'],
    help: 'Bytes of these contents.',
  },
  dataset_failures_total: {
    type: 'counter',
    labels: ['dataset', 'code'],
    help: 'Contents of the dataset that could not be made. The version has the reason.',
  },
  dataset_deliveries_total: {
    type: 'counter',
    labels: ['dataset', 'destination'],
    help: 'Contents that were delivered to their bucket or input.',
  },
  dataset_delivery_failures_total: {
    type: 'counter',
    labels: ['dataset', 'destination', 'code'],
    help: 'Attempts to deliver contents that failed.',
  },
} as const
