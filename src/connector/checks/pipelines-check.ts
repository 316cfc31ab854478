/**
 * What the settings of pipelines name and is not there. A connector starts all the same, because
 * messages come in without it; their pipelines would wait or fail.
 */
import { access, constants } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { PipelinesOptions } from '../../analytics/pipelines/options.ts'
import { readThings } from '../../analytics/pipelines/things/thing-file.ts'
import { asConnectorError, ConnectorError, fileReasonOf } from '../../errors.ts'
import { readNamedFile } from '../../named-files/named-file.ts'
import { TlsFiles } from '../../named-files/tls-files.ts'

const PLACE = 'analytics.pipelines'

export async function problemsOfPipelines({
  functions,
  registry,
  shadows,
}: PipelinesOptions): Promise<ConnectorError[]> {
  const checks = Object.entries(functions).map(([name, options]) =>
    checkFunction(`${PLACE}.functions.${name}`, options),
  )
  checks.push(checkThings(`${PLACE}.registry`, registry), checkThings(`${PLACE}.shadows`, shadows))
  const results = await Promise.allSettled(checks)
  const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  const tls = [registry, shadows].map((things, index) =>
    problemsOfTls(`${PLACE}.${index === 0 ? 'registry' : 'shadows'}.aws.tls`, things),
  )
  return [
    ...failed.map((reason) => asConnectorError(reason, 'Unexpected', PLACE)),
    ...(await Promise.all(tls)).flat(),
  ]
}

async function checkFunction(
  place: string,
  { module, command }: PipelinesOptions['functions'][string],
): Promise<void> {
  if (module !== undefined) await readNamedFile(module, `${place}.module`)
  const program = command?.[0]
  // Others are looked for in PATH.
  if (program?.includes('/') !== true) return
  try {
    await access(program, constants.X_OK)
  } catch (thrown) {
    const text = `${place}.command: can’t run ${resolve(program)}: ${fileReasonOf(thrown)}`
    throw new ConnectorError('InvalidConfiguration', text, { cause: thrown })
  }
}

async function checkThings(place: string, things: PipelinesOptions['registry']): Promise<void> {
  if (things?.file !== undefined) await readThings(things.file, `${place}.file`)
}

async function problemsOfTls(place: string, things: PipelinesOptions['registry']) {
  const tls = things?.aws?.tls
  return tls === undefined ? [] : new TlsFiles(tls, { place }).problems()
}
