/** The program as a service of systemd: what it reports from its start to its stop. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { temporaryDirectory } from '../support/disk/disk-stores.ts'
import { MqttDevice } from '../support/mqtt/mqtt-device.ts'
import { ConnectorProcess } from '../support/processes/connector-process.ts'
import { NotifySocket } from '../support/processes/notify-socket.ts'
import { skipWithout } from '../support/processes/real-peers.ts'
import { until } from '../support/until.ts'

const skip = skipWithout('python3', 'systemd-notify')
const SLOW_SYNCS = join(import.meta.dirname, '..', 'support', 'processes', 'slow-syncs.js')
const WATCHDOG_MS = 600

test('a service reports its start, its reload and its stop, and the watchdog hears nothing while the disk hangs', {
  skip,
}, async (t) => {
  const socket = await NotifySocket.open(t)
  const data = join(await temporaryDirectory(t), 'data')
  const settings = ['--data', data, '--deadline', '1s', '--log-level', 'error']
  const connector = new ConnectorProcess(t, settings, {
    env: {
      NOTIFY_SOCKET: socket.path,
      WATCHDOG_USEC: String(WATCHDOG_MS * 1000),
      NODE_OPTIONS: `--import ${pathToFileURL(SLOW_SYNCS)}`,
      SLOW_SYNC_MS: '1000000',
    },
  })
  await connector.started()
  const device = await MqttDevice.connect(t, connector.mqttUrl)

  await until('the start is reported', () => socket.reports.includes('READY=1'))
  await until('the watchdog hears that all is well', () => pings() > 3)
  connector.signal('SIGHUP')
  await until('the end of the reload is reported', () => {
    return socket.reports.lastIndexOf('READY=1') > socket.reports.indexOf('RELOADING=1')
  })
  connector.signal('SIGUSR2')
  await connector.command.says(/syncs are slow/)
  void device.putMessage('my_channel', 'not acknowledged').catch(() => {})
  await until('the log says that the disk hangs', () =>
    connector.command.stderr.includes('"disk_hangs"'),
  )
  const before = pings()
  connector.signal('SIGTERM')
  await until('the stop is reported', () => socket.reports.includes('STOPPING=1'))

  assert.equal(socket.reports[0], 'READY=1')
  assert.ok(before > 3)
  const stop = socket.reports.indexOf('STOPPING=1')
  // One may have been on its way when the disk began to hang.
  assert.ok(pings(socket.reports.slice(0, stop)) <= before + 1)
  assert.match(connector.command.stderr, /The disk has left a commit unanswered/)

  function pings(reports: readonly string[] = socket.reports): number {
    return reports.filter((report) => report === 'WATCHDOG=1').length
  }
})
