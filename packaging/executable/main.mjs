// What the single executable runs. It is also the program of its worker processes: those are started
// with the name of their program as the first argument, which is no file here.
import process from 'node:process'
import { startCli } from '../../src/cli/start-cli.ts'

const [, , first = ''] = process.argv

if (first.endsWith('/analytics-worker.js')) {
  void import('../../src/analytics/analytics-worker.ts')
} else {
  void startCli(process, async () => {
    const { Connector } = await import('../../src/connector/connector.ts')
    return (config, options) => new Connector(config, options)
  })
}
