#!/usr/bin/env node
/** The program `iot-analytics-connector`. */
import process from 'node:process'

// Before anything else is loaded. Only with --log-level debug: reading source maps takes time.
if (process.argv.some((word) => /^(--log-level=)?debug$/.test(word))) {
  process.setSourceMapsEnabled(true)
}

const { startCli } = await import('./start-cli.ts')
await startCli(process, async () => {
  const { Connector } = await import('../connector/connector.ts')
  return (config) => new Connector(config)
})
