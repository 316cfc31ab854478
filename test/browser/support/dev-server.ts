/** For people who work on the dashboard: the sample connector at a fixed port. */
import { SampleConnector } from './sample-connector.ts'

const connector = await new SampleConnector().start(Number(process.argv[2] ?? 8099))
console.log(connector.url)
