#!/usr/bin/env node
/** The program `iot-analytics-connector`. */
import process from 'node:process'
import { nodeProblem } from './node-version.ts'

// Before anything else is loaded. Only with --log-level debug: reading source maps takes time.
if (process.argv.some((word) => /^(--log-level=)?debug$/.test(word))) {
  process.setSourceMapsEnabled(true)
}

// An older Node lacks what the imports below need.
const problem = nodeProblem(process.versions.node)
if (problem === undefined) {
  const { startCli } = await import('./start-cli.ts')
  await startCli(process, async () => {
    const { Connector } = await import('../connector/connector.ts')
    return (config, options) => new Connector(config, options)
  })
} else {
  process.stderr.write(`${problem}\n`)
  process.exitCode = 2
}
