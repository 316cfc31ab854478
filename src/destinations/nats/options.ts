import * as z from 'zod'
import { clientTlsFields, file, isPair, PAIR } from '../../named-files/tls-options.ts'
import { duration } from '../../unit-options.ts'

const tls = z
  .strictObject(clientTlsFields('server', ', in place of those that Node trusts'))
  .refine(isPair, PAIR)
  .describe(
    'TLS settings. The files are read for each connection, so renewed certificates are used.',
  )

export const natsOptions = z
  .strictObject({
    servers: z
      .array(
        z
          .string()
          .regex(
            /^[A-Za-z0-9._[\]:-]+:\d{1,5}$/,
            'must look like nats.example:4222; user, password and TLS are options of their own',
          ),
      )
      .min(1)
      .describe('Servers of the cluster, as host:port. One of them is connected to.'),
    stream: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,255}$/, 'must be 1 to 255 of A-Z a-z 0-9 _ -')
      .describe('JetStream stream that stores the messages.'),
    subjectPrefix: z
      .string()
      .regex(
        /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/,
        'must be words of A-Z a-z 0-9 _ - with . between',
      )
      .max(128)
      .optional()
      .describe(
        'Messages go to the subject <prefix>.<channel>. Each connector needs subjects of its own. Default: messages.<connector id>.',
      ),
    create: z
      .boolean()
      .default(false)
      .describe(
        'true: creates the stream if it is not there, with the subjects <prefix>.* and no limits. It is never altered.',
      ),
    domain: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, 'must be a word of A-Z a-z 0-9 _ -')
      .optional()
      .describe('JetStream domain, if it is not the server’s own.'),
    user: z.string().min(1).optional().describe('User name.'),
    password: z.string().min(1).optional().describe('Password. Prefer passwordFile.'),
    passwordFile: file.optional().describe('File with the password, read for each connection.'),
    tokenFile: file.optional().describe('File with a token, read for each connection.'),
    credentialsFile: file
      .optional()
      .describe('File with a JWT and its nkey (.creds), read for each connection.'),
    nkeyFile: file.optional().describe('File with the seed of an nkey, read for each connection.'),
    tls: tls.optional(),
    timeout: duration({ min: '100ms', max: '5m', example: '10s' })
      .prefault('10s')
      .describe('Maximum time until all messages of a batch are acknowledged.'),
    connectTimeout: duration({ min: '100ms', max: '1m', example: '5s' })
      .prefault('5s')
      .describe('Maximum time to connect.'),
  })
  .refine(({ password, passwordFile }) => password === undefined || passwordFile === undefined, {
    error: 'choose one of password and passwordFile',
  })
  .refine(
    ({ user, password, passwordFile }) =>
      (user === undefined) === (password === undefined && passwordFile === undefined),
    { error: 'user needs password or passwordFile, and they need user' },
  )
  .refine(
    ({ user, tokenFile, credentialsFile, nkeyFile }) =>
      [user, tokenFile, credentialsFile, nkeyFile].filter((one) => one !== undefined).length <= 1,
    { error: 'choose one of user, tokenFile, credentialsFile and nkeyFile' },
  )
  .describe('NATS JetStream. Each message is stored with its identity, and not a second time.')

export type NatsOptions = z.output<typeof natsOptions>
