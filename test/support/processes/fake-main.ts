/**
 * The program with a fake connector, whose behaviour FAKE_MODE selects.
 * `run.test.ts` starts it as a child process.
 */
import { open } from 'node:fs/promises'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import type { RunnableConnector } from '../../../src/cli/context.ts'
import { startCli } from '../../../src/cli/start-cli.ts'
import { ConnectorError } from '../../../src/errors.ts'

const mode = process.env['FAKE_MODE']

await startCli(process, async () => (config): RunnableConnector => {
  const staysOpen = setInterval(() => {}, 1_000)
  return {
    commitPendingMs: 0,
    check: async () => ({ problems: [], notices: [] }),
    async start() {
      if (mode === 'address in use') {
        clearInterval(staysOpen)
        throw new ConnectorError('AddressInUse', '127.0.0.1:1883 is taken; choose another port.')
      }
      if (mode === 'says up') setImmediate(() => process.stdout.write('up\n'))
    },
    async stop({ deadlineMs = 0 } = {}) {
      if (mode === 'slow stop') await delay(60_000)
      // Like a call to a disk that hangs: nobody ever writes to the pipe.
      if (mode === 'hanging disk') await open(process.env['FAKE_PIPE'] ?? '')
      clearInterval(staysOpen)
      return { delivered: 3, kept: deadlineMs, lost: mode === 'loses' ? 2 : 0 }
    },
    async reload() {
      process.stdout.write('reloaded\n')
    },
    describe: () => ({
      sources: ['mqtt://127.0.0.1:1884'],
      destinations: config.destinations.map((destination) => destination.name),
      http: 'http://127.0.0.1:8090',
      socket: undefined,
      dataDirectory: config.storage.directory,
      channels: 1,
    }),
  }
})
