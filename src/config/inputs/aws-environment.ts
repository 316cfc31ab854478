/** The environment variables by which AWS's SDKs find credentials, for a process that needs them. */
import type { Environment } from './overrides.ts'

const NAMES: ReadonlySet<string> = new Set([
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CREDENTIAL_EXPIRATION',
  'AWS_PROFILE',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
  'AWS_EC2_METADATA_DISABLED',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT',
  // Where the shared files are.
  'HOME',
  'USERPROFILE',
  // Certificates that Node trusts besides its own.
  'NODE_EXTRA_CA_CERTS',
])

export function awsEnvironment(environment: Environment = process.env): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of NAMES) {
    const value = environment[name]
    if (value !== undefined) found[name] = value
  }
  return found
}
