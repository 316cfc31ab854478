/** `dashboard`: prints an address that opens the dashboard with the rights of this user. */
import { spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { ConnectorError, messageOf } from '../../errors.ts'
import { loginCode } from '../../http/api/shapes/session.ts'
import { givenUrl, SOCKET_SCHEME } from '../connector-address.ts'
import { openConnectorClient } from '../connector-client.ts'
import { addConnectorFlags, type ConnectorFlags } from '../connector-flags.ts'
import type { CliContext } from '../context.ts'

const CODE_PATH = '/api/v1/session/code'

const EXAMPLES = `
Examples:
  $ iot-analytics-connector dashboard                  prints an address
  $ iot-analytics-connector dashboard --open           opens it in a browser
  $ iot-analytics-connector dashboard --url https://gateway-7:8090 --token-file ops.token

The address has a code that works once, within 60 s. The browser is logged in with it, with the
rights of the user who asks: on the connector’s machine, the user that runs the connector may do
everything. To use a browser on another computer, forward the port first, and open the address there:

  $ ssh -L 8090:127.0.0.1:8090 gateway-7`

interface DashboardFlags extends ConnectorFlags {
  readonly open?: true
}

export function addDashboardCommand(program: Command, context: CliContext): void {
  addConnectorFlags(
    program
      .command('dashboard')
      .description('print an address that opens the dashboard and logs in, once, within 60 s')
      .option('--open', 'open it in a browser'),
  )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: DashboardFlags, command: Command) => {
      const connector = await openConnectorClient(flags, command, context)
      const answer = loginCode.safeParse(await connector.post(CODE_PATH, {}))
      if (!answer.success) throw connector.unexpectedAnswer('something else than a code')
      const { code, address } = answer.data
      const base = givenHttpUrl(flags, context) ?? address
      if (base === null) throw withoutPort()
      const { origin, pathname } = new URL(base)
      const url = `${origin}${pathname.replace(/\/*$/, '/')}#code=${code}`
      const { stdout, stderr } = context.process
      stdout.write(`${url}\n`)
      if (flags.open === true) await openInBrowser(url)
      stderr.write('It works once, within 60 s.\n')
    })
}

/** The connector may not know by which name it is reached from here. */
function givenHttpUrl(flags: ConnectorFlags, context: CliContext): string | undefined {
  const url = givenUrl(flags, context)
  return url?.startsWith(SOCKET_SCHEME) === true ? undefined : url
}

function withoutPort(): ConnectorError {
  return new ConnectorError(
    'InvalidConfiguration',
    'The connector has `http: false`, so browsers cannot reach it. Remove that from its configuration, and start it again.',
  )
}

/**
 * Every user of the machine can read the arguments of programs, so the browser gets the name of a
 * file that only its owner can read, which leads to the address.
 */
async function openInBrowser(url: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'iot-analytics-connector-'))
  const file = join(directory, 'dashboard.html')
  const page = `<!doctype html><meta http-equiv="refresh" content="0;url=${url}"><title>Dashboard</title>`
  await writeFile(file, page, { mode: 0o600 })
  const [program, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  await new Promise<void>((resolve, reject) => {
    const opener = spawn(program, [...args, file], { stdio: 'ignore', detached: true })
    opener.once('spawn', resolve)
    opener.once('error', (error) => {
      const text = `Can’t open a browser with ${program}: ${messageOf(error)}. Open the address by hand.`
      reject(new ConnectorError('InvalidConfiguration', text))
    })
    opener.unref()
  })
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
}
