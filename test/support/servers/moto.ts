/** moto: S3, Kinesis, Firehose and other services of AWS on this machine. */
import { findCommand } from './find-command.ts'
import { type Cleanup, freePort, ServerProcess } from './server-process.ts'

const COMMAND = findCommand('moto_server')

export const skipWithoutMoto: string | false =
  COMMAND === undefined ? "moto is missing: pip install 'moto[server]'" : false

/** It accepts any credentials unless IAM is switched on. */
export const MOTO_CREDENTIALS = { accessKeyId: 'AKIDMOTO', secretAccessKey: 'moto-secret' } as const
export const MOTO_REGION = 'us-east-1'

export interface Moto {
  readonly port: number
  readonly url: string
  readonly process: ServerProcess
}

/** What moto has is in memory: it is gone after a restart. */
export async function startMoto(t: Cleanup): Promise<Moto> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const process = new ServerProcess(t, {
    command: COMMAND ?? 'moto_server',
    args: ['-H', '127.0.0.1', '-p', String(port)],
    answers: async () => (await fetch(`${url}/moto-api/data.json`)).ok,
  })
  await process.start()
  return { port, url, process }
}
