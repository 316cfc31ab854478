/** The flags of commands that ask the running connector. */
import type { Command } from 'commander'

export interface ConnectorFlags {
  readonly url?: string
  readonly tokenFile?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

const ABOUT_URL =
  'HTTP address of the connector, or unix:<path> of its socket (default: of the configuration)'

export function addConnectorFlags(command: Command, aboutUrl = ABOUT_URL): Command {
  return command
    .option('--url <url>', aboutUrl)
    .option('--token-file <file>', 'file with a token, for HTTP')
    .option('--ca <file>', 'PEM file of the authority to trust, for https://')
    .option('--cert <file>', 'PEM file of a client certificate, with --key')
    .option('--key <file>', 'PEM file of the private key of --cert')
}
