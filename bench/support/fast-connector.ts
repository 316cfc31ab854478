/**
 * A connector whose clock runs faster, as a program of its own. Takes one JSON argument
 * (`FastConnectorOptions`), and prints a line when messages can come in.
 */
import { type ConfigInput, createConnector } from '../../src/index.ts'
import { fastClock } from './fast-clock.ts'

export interface FastConnectorOptions {
  /** How many seconds pass in one. */
  readonly factor: number
  readonly config: ConfigInput
}

const { factor, config } = JSON.parse(process.argv[2] ?? '{}') as FastConnectorOptions
const connector = createConnector(config, { clock: fastClock(factor) })
await connector.start()
process.stdout.write('started\n')
process.on('SIGTERM', () => void connector.stop().then(() => process.exit(0)))
