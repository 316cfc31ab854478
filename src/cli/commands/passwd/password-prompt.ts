/** Reads a password: typed without echo, or from standard input. */
import { MAX_PASSWORD_BYTES } from '../../../sources/mqtt-server/access/password-hash.ts'
import { usageError } from '../../exit-code.ts'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const ERASES = '\u007f\b'

/** A terminal asks twice. Otherwise the password is standard input without its last line end. */
export async function askPassword(process: NodeJS.Process, user: string): Promise<Buffer> {
  const password = process.stdin.isTTY ? await typedTwice(process, user) : await piped(process)
  const bytes = Buffer.byteLength(password)
  if (bytes === 0) throw usageError('the password is empty')
  if (bytes > MAX_PASSWORD_BYTES) {
    throw usageError(`the password has ${bytes} bytes; the limit is ${MAX_PASSWORD_BYTES}`)
  }
  return Buffer.from(password)
}

async function typedTwice(process: NodeJS.Process, user: string): Promise<string> {
  const { stdin } = process
  // Before the question, so that the first letter is not shown either.
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  try {
    const password = await typed(process, `Password for ${user}: `)
    const again = await typed(process, 'Again: ')
    if (password !== again) throw usageError('the two passwords differ; nothing was changed')
    return password
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
  }
}

async function typed({ stdin, stderr }: NodeJS.Process, question: string): Promise<string> {
  stderr.write(question)
  try {
    let password = ''
    for await (const keys of stdin.iterator({ destroyOnReturn: false })) {
      for (const key of String(keys)) {
        if (key === '\r' || key === '\n' || key === CTRL_D) return password
        if (key === CTRL_C) throw usageError('stopped; nothing was changed')
        password = ERASES.includes(key) ? [...password].slice(0, -1).join('') : password + key
      }
    }
    return password
  } finally {
    stderr.write('\n')
  }
}

async function piped({ stdin }: NodeJS.Process): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}
