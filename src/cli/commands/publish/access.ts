/** Where `publish` connects to, and as whom: flags, or the configuration of the connector. */
import type { Command } from 'commander'
import { shownUrl } from '../../../addresses.ts'
import { readGivenFile } from '../../../config/inputs/given-file.ts'
import { mqttUrlOf } from '../../connector-address.ts'
import type { CliContext } from '../../context.ts'
import { usageError } from '../../exit-code.ts'
import { loadConfigOf } from '../../global-flags.ts'
import type { PublisherAccess } from './publisher.ts'

export interface AccessFlags {
  readonly url?: string
  readonly username?: string
  readonly password?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface Destination {
  readonly url: string
  readonly access: PublisherAccess
}

/** Of all options with which the connector itself connects to the broker. */
const ACCESS_OPTIONS = [
  ...['username', 'password', 'ca', 'cert', 'key', 'passphrase'],
  ...['servername', 'rejectUnauthorized'],
]

/** Throws a usage error, or `InvalidConfiguration` for a file that can't be read. */
export async function destinationOf(
  flags: AccessFlags,
  command: Command,
  context: CliContext,
): Promise<Destination> {
  if ((flags.cert === undefined) !== (flags.key === undefined)) {
    throw usageError('--cert and --key go together: set both or neither')
  }
  const configured = flags.url === undefined ? await configuredOf(command, context) : undefined
  const url = flags.url ?? configured?.url ?? ''
  if (!/^(mqtts?|wss?|tcp|tls):\/\//.test(url) || !URL.canParse(url)) {
    throw usageError(`--url ${shownUrl(url)}: expected a URL such as mqtt://host:1883`)
  }
  return { url, access: { ...configured?.access, ...(await givenAccess(flags)) } }
}

/** The broker of `sources.mqttClient` gets the user, password and TLS settings given for it. */
async function configuredOf(command: Command, context: CliContext): Promise<Destination> {
  const { config } = await loadConfigOf(command, context)
  const url = mqttUrlOf(config)
  const { mqttServer, mqttClient } = config.sources
  if (mqttServer !== undefined || mqttClient === undefined) return { url, access: {} }
  const { connectOptions } = await import('../../../sources/mqtt-client/connect-options.ts')
  const all = Object.entries(await connectOptions(mqttClient))
  return { url, access: Object.fromEntries(all.filter(([name]) => ACCESS_OPTIONS.includes(name))) }
}

async function givenAccess(flags: AccessFlags): Promise<PublisherAccess> {
  const { username, password, ca, cert, key } = flags
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(ca !== undefined && { ca: await readGivenFile(ca) }),
    ...(cert !== undefined && { cert: await readGivenFile(cert) }),
    ...(key !== undefined && { key: await readGivenFile(key) }),
  }
}
