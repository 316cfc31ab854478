#!/usr/bin/env node
/** The program `iot-analytics-connector`. */
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'

// Little lives longer than a batch, so V8's young generation gains nothing by growing with the load:
// kept as it begins, the process needs 10 MB less when idle, 20 MB less when busy, and as much CPU.
setFlagsFromString('--semi-space-growth-factor=1')

const { startCli } = await import('./start-cli.ts')
await startCli(process, async () => {
  const { Connector } = await import('../connector/connector.ts')
  return (config) => new Connector(config)
})
