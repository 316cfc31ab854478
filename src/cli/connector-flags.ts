/** The flags of commands that ask the running connector over HTTP. */
import type { Command } from 'commander'

export interface ConnectorFlags {
  readonly url?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

const ABOUT_URL = 'HTTP address of the connector (default: from the configuration)'

export function addConnectorFlags(command: Command, aboutUrl = ABOUT_URL): Command {
  return command
    .option('--url <url>', aboutUrl)
    .option('--ca <file>', 'PEM file of the authority to trust, for https://')
    .option('--cert <file>', 'PEM file of a client certificate, with --key')
    .option('--key <file>', 'PEM file of the private key of --cert')
}
