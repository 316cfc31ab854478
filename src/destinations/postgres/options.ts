import * as z from 'zod'
import { clientTlsFields, file, isPair, PAIR } from '../../named-files/tls-options.ts'
import { duration } from '../../unit-options.ts'

/** What PostgreSQL takes as it is, without quotes, and not longer than 63 bytes with a suffix. */
const NAME = /^[a-z_][a-z0-9_]{0,50}$/
const NAME_ERROR = 'must be 1 to 51 of a-z 0-9 _, and not begin with a digit'

const tls = z
  .strictObject({
    mode: z
      .enum(['require', 'verify-ca', 'verify-full'])
      .default('verify-full')
      .describe(
        'verify-full: the server’s certificate must be trusted and have the server’s name. verify-ca: it must be trusted. require: any certificate is accepted, so nothing proves who the server is.',
      ),
    ...clientTlsFields('server', ', in place of those that Node trusts'),
  })
  .refine(isPair, PAIR)
  .describe(
    'TLS settings; {} for the defaults. Without them the connection is not encrypted. The files are read for each connection, so renewed certificates are used.',
  )

export const postgresOptions = z
  .strictObject({
    url: z
      .url({
        protocol: /^postgres(ql)?$/,
        hostname: /.+/,
        error: 'must look like postgres://user@host:5432/database',
      })
      .refine((url) => !URL.canParse(url) || new URL(url).search + new URL(url).hash === '', {
        error: 'must have no query or fragment: TLS and timeouts are options of their own',
      })
      .optional()
      .describe(
        'postgres://user@host:5432/database, in place of host, port, user and database. It may contain the password; prefer passwordFile.',
      ),
    host: z
      .string()
      .min(1)
      .optional()
      .describe('Name or address of the server, or the directory of its Unix socket.'),
    port: z.number().int().min(1).max(65_535).optional().describe('Port. Default: 5432.'),
    database: z.string().min(1).optional().describe('Database. Default: the name of the user.'),
    user: z.string().min(1).optional().describe('User (role) to log in as.'),
    password: z.string().min(1).optional().describe('Password. Prefer passwordFile.'),
    passwordFile: file.optional().describe('File with the password, read for each connection.'),
    tls: tls.optional(),
    schema: z
      .string()
      .regex(NAME, NAME_ERROR)
      .optional()
      .describe('Schema of the tables. Default: the first one of the user’s search_path.'),
    table: z
      .string()
      .regex(NAME, NAME_ERROR)
      .default('messages')
      .describe(
        'Table that messages are inserted into. The table of the same name with `_position` after it holds how far each log has got.',
      ),
    create: z
      .boolean()
      .default(false)
      .describe('true: creates the two tables if they are not there. They are never altered.'),
    timeout: duration({ min: '100ms', max: '10m', example: '30s' })
      .prefault('30s')
      .describe('Maximum time for storing one batch. It is the statement_timeout too.'),
    connectTimeout: duration({ min: '100ms', max: '5m', example: '10s' })
      .prefault('10s')
      .describe('Maximum time to connect, or to wait for one of the connections.'),
    maxConnections: z
      .number()
      .int()
      .min(1)
      .max(100)
      .default(4)
      .describe('Maximum open connections. Each stores one batch at a time.'),
  })
  .refine(({ url, host }) => (url === undefined) !== (host === undefined), {
    error: 'set either url or host',
  })
  .refine(
    ({ url, port, database, user }) =>
      url === undefined || (port === undefined && database === undefined && user === undefined),
    { error: 'url already has host, port, user and database' },
  )
  .refine(({ url, host, user }) => host === undefined || url !== undefined || user !== undefined, {
    error: 'host needs user',
  })
  .refine((given) => given.password === undefined || given.passwordFile === undefined, {
    error: 'choose one of password and passwordFile',
  })
  .describe(
    'PostgreSQL, or a database that speaks its protocol, such as TimescaleDB. Rows and position are stored in one statement, so every message is there exactly once.',
  )

export type PostgresOptions = z.output<typeof postgresOptions>
