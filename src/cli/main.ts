#!/usr/bin/env node
/** The program `iot-analytics-connector`. */
import process from 'node:process'
import { startCli } from './start-cli.ts'

await startCli(process, async () => {
  const { Connector } = await import('../connector/connector.ts')
  return (config) => new Connector(config)
})
