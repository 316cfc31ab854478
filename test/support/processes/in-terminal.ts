/** Runs a program in a terminal of its own. Needs Python, whose library has what Node lacks. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { commandOf } from './real-peers.ts'

/** Types Ctrl-C once one of the texts in the first argument, a list in JSON, has been shown. */
const SCRIPT = `
import json, os, pty, sys
texts = [text.encode() for text in json.loads(sys.argv[1])]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown, typed = b'', False
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    shown += part
    if not typed and any(text in shown for text in texts):
        typed = True
        os.write(terminal, b'\\x03')
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`

/** What the program has shown, and its exit code. Ctrl-C is typed once it shows one of `texts`. */
export async function runInTerminal(
  t: TestContext,
  program: readonly string[],
  texts: readonly string[],
): Promise<{ readonly code: unknown; readonly shown: string }> {
  const child = spawn(commandOf('python3'), ['-c', SCRIPT, JSON.stringify(texts), ...program])
  t.after(() => child.kill('SIGKILL'))
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
  })
  const [code] = await once(child, 'close')
  return { code, shown }
}
