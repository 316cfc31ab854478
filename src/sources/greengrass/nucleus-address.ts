/** Where the nucleus is, and the token to log in with: it sets both for each component. */
import { resolve } from 'node:path'
import { ConnectorError } from '../../errors.ts'

export type Environment = Record<string, string | undefined>

export interface NucleusAddress {
  readonly socketPath: string
  readonly authToken: string
}

const SOCKET = 'AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT'
const TOKEN = 'SVCUID'
/** AWS's credential chain reads the same token here, at each renewal. */
const CREDENTIALS_TOKEN = 'AWS_CONTAINER_AUTHORIZATION_TOKEN'

/** @throws {ConnectorError} InvalidConfiguration if no nucleus has started this process */
export function nucleusAddress(environment: Environment): NucleusAddress {
  const socketPath = environment[SOCKET]
  const authToken = environment[TOKEN]
  if (!socketPath || !authToken) {
    const missing = [!socketPath && SOCKET, !authToken && TOKEN].filter(Boolean).join(' and ')
    throw new ConnectorError(
      'InvalidConfiguration',
      `expected to be started by a Greengrass nucleus, which sets ${SOCKET} and ${TOKEN}, got no ${missing}. To run without a nucleus, leave out --greengrass and sources.greengrass`,
    )
  }
  // It may be relative to where the nucleus has started this process.
  return { socketPath: resolve(socketPath), authToken }
}

export function replaceToken(environment: Environment, token: string): void {
  environment[TOKEN] = token
  environment[CREDENTIALS_TOKEN] = token
}
