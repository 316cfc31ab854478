/**
 * Finds the real programs that tests use. If one is missing, the test is skipped with a line that
 * says what to install.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const PEERS = {
  mosquitto: { command: '/usr/sbin/mosquitto', install: 'apt-get install mosquitto' },
  mosquitto_pub: {
    command: '/usr/bin/mosquitto_pub',
    install: 'apt-get install mosquitto-clients',
  },
  mosquitto_sub: {
    command: '/usr/bin/mosquitto_sub',
    install: 'apt-get install mosquitto-clients',
  },
  haproxy: { command: '/usr/sbin/haproxy', install: 'apt-get install haproxy' },
  aws: { command: '/usr/bin/aws', install: 'apt-get install awscli' },
  boto3: { command: '/usr/bin/python3', module: 'boto3', install: 'apt-get install python3-boto3' },
  paho: {
    command: '/usr/bin/python3',
    module: 'paho.mqtt.client',
    install: 'apt-get install python3-paho-mqtt',
  },
  python3: { command: '/usr/bin/python3', install: 'apt-get install python3' },
  curl: { command: '/usr/bin/curl', install: 'apt-get install curl' },
  promtool: {
    command: installed('/usr/bin/promtool', '/usr/local/bin/promtool'),
    install: 'apt-get install prometheus',
  },
  man: { command: '/usr/bin/man', install: 'apt-get install man-db' },
  'systemd-analyze': { command: '/usr/bin/systemd-analyze', install: 'apt-get install systemd' },
  'systemd-notify': { command: '/usr/bin/systemd-notify', install: 'apt-get install systemd' },
  dpkg: { command: '/usr/bin/dpkg-buildpackage', install: 'apt-get install dpkg-dev' },
  debhelper: { command: '/usr/bin/dh', install: 'apt-get install debhelper' },
  lintian: { command: '/usr/bin/lintian', install: 'apt-get install lintian' },
  tmux: { command: '/usr/bin/tmux', install: 'apt-get install tmux' },
  'qemu-aarch64': {
    command: installed('/usr/bin/qemu-aarch64', '/usr/bin/qemu-aarch64-static'),
    install: 'apt-get install qemu-user',
  },
  gcc: { command: '/usr/bin/gcc', install: 'apt-get install gcc libc6-dev' },
} as const satisfies Record<string, { command: string; module?: string; install: string }>

/** The path that is there, or the first. */
function installed(first: string, other: string): string {
  return !existsSync(first) && existsSync(other) ? other : first
}

export type PeerName = keyof typeof PEERS

export function commandOf(name: PeerName): string {
  return PEERS[name].command
}

/** For a test's `skip` option: false when the peer is there, else why it is skipped. */
export function skipWithout(...names: readonly PeerName[]): string | false {
  for (const name of names) {
    const peer: { command: string; module?: string; install: string } = PEERS[name]
    if (!existsSync(peer.command)) return `${name} is missing: ${peer.install}`
    if (peer.module === undefined) continue
    const probe = spawnSync(peer.command, ['-c', `import ${peer.module}`], { stdio: 'ignore' })
    if (probe.status !== 0) return `${name} is missing: ${peer.install}`
  }
  return false
}
