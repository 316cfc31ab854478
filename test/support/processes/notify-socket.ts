/** Takes the reports of sd_notify, as systemd does. Needs Python: Node has no sockets of this kind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryDirectory } from '../disk/disk-stores.ts'
import { until } from '../until.ts'
import { commandOf } from './real-peers.ts'

/**
 * Prints each datagram as a line of JSON. The descriptor of a barrier, for which systemd-notify
 * waits, is closed because nobody takes it.
 */
const SCRIPT = `
import json, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('', flush=True)
while True:
    print(json.dumps(receiver.recv(4096).decode()), flush=True)
`

export class NotifySocket {
  readonly path: string
  readonly #child: ChildProcess
  #output = ''

  private constructor(path: string, child: ChildProcess) {
    this.path = path
    this.#child = child
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
    })
  }

  static async open(t: TestContext): Promise<NotifySocket> {
    const path = join(await temporaryDirectory(t), 'notify')
    const child = spawn(commandOf('python3'), ['-c', SCRIPT, path])
    t.after(() => child.kill('SIGKILL'))
    const opened = new NotifySocket(path, child)
    await until('the socket is open', () => opened.#output !== '')
    return opened
  }

  /** The first assignment of each report so far, but for the barriers: `READY=1` and others. */
  get reports(): string[] {
    return this.#output
      .split('\n')
      .slice(1, -1)
      .map((line) => String(JSON.parse(line)).split('\n')[0] ?? '')
      .filter((report) => report !== 'BARRIER=1')
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }
}
