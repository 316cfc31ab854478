#!/usr/bin/env node
/** The program `iot-analytics-connector`. */
import process from 'node:process'
import { startCli } from './start-cli.ts'

await startCli(process, async () => {
  throw new Error('the connector is not part of this build')
})
