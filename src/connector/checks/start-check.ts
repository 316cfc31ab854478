/**
 * Everything that would keep a connector with this configuration from starting, found without
 * changing anything on disk: files, certificates, addresses, ports, the data directory.
 */
import { accessAdvice } from '../../channels/disk/files/directory-access.ts'
import { systemClock } from '../../clock.ts'
import type { ConnectorConfig, DestinationConfig } from '../../config/connector-config.ts'
import { asConnectorError, ConnectorError } from '../../errors.ts'
import { openFiles, openTlsFiles } from '../../named-files/file-access.ts'
import { TlsFiles } from '../../named-files/tls-files.ts'
import { noticesOfTables } from '../analytics/tables.ts'
import { makeDestination } from '../destination-makers.ts'
import { problemsOfDirectory } from './directory-check.ts'
import { type Address, problemsOfAddresses } from './port-check.ts'

export interface StartCheck {
  readonly problems: readonly ConnectorError[]
  /**
   * What does not keep it from starting: files that other users of the machine can use, packages that
   * are missing. One sentence each.
   */
  readonly notices: readonly string[]
}

export async function checkStart(config: ConnectorConfig): Promise<StartCheck> {
  const { sources, storage, http } = config
  const { mqttServer, mqttClient, batchPutMessage } = sources
  const problems: ConnectorError[] = []
  const notices: string[] = []
  if (mqttServer !== undefined) {
    const { problemsOfServer } = await import(
      '../../sources/mqtt-server/listeners/settings-check.ts'
    )
    const { openFilesOf } = await import('../../sources/mqtt-server/access/file-permissions.ts')
    problems.push(...(await problemsOfServer(mqttServer)))
    notices.push(...(await openFilesOf(mqttServer)))
  }
  if (mqttClient !== undefined) {
    const { fileProblems } = await import('../../sources/mqtt-client/connect-options.ts')
    problems.push(...(await fileProblems(mqttClient)))
    const place = 'sources.mqttClient'
    const { passwordFile, tls } = mqttClient
    notices.push(...(await openFiles({ [`${place}.passwordFile`]: passwordFile })))
    notices.push(...(await openTlsFiles(tls, `${place}.tls`)))
  }
  if (batchPutMessage !== undefined) {
    const { openSecretFiles, secretProblems } = await import('../../aws-server/secrets.ts')
    const { credentials } = batchPutMessage
    const place = 'sources.batchPutMessage.credentials'
    problems.push(...(await secretProblems(credentials, place)))
    notices.push(...(await openSecretFiles(credentials, place)))
  }
  const { api, pipelines } = config.analytics
  if (api !== undefined) {
    const { problemsOfPipelines } = await import('./pipelines-check.ts')
    problems.push(...(await problemsOfPipelines(pipelines)))
    const { openSecretFiles, secretProblems } = await import('../../aws-server/secrets.ts')
    const place = 'analytics.api.credentials'
    problems.push(...(await secretProblems(api.credentials, place)))
    notices.push(...(await openSecretFiles(api.credentials, place)))
  }
  for (const destination of config.destinations) {
    const { place, options } = destination
    problems.push(...(await problemsOfDestination(destination, config)))
    if (!('tls' in options) || options.tls === undefined) continue
    const files = new TlsFiles(options.tls, { place: `${place}.tls` })
    problems.push(...(await files.problems()))
    notices.push(...(await openTlsFiles(options.tls, `${place}.tls`)))
  }
  if (http !== undefined) {
    const { noticesOfHttp, problemsOfHttp } = await import('../../http/access/access-files.ts')
    problems.push(...(await problemsOfHttp(http)))
    notices.push(...(await noticesOfHttp(http)))
  }
  problems.push(...(await problemsOfAddresses(addressesOf(config))))
  notices.push(...noticesOfTables(config))
  const { file } = config.log
  if (file !== undefined) {
    const { problemOfLogFile } = await import('../../telemetry/log/log-file.ts')
    problems.push(...[(await problemOfLogFile(file)) ?? []].flat())
  }
  if (storage.durability === 'disk') {
    problems.push(...(await problemsOfDirectory(storage.directory)))
    const advice = await accessAdvice(storage.directory)
    if (advice !== undefined) notices.push(advice)
  }
  return { problems, notices }
}

/** What its constructor refuses: nothing is opened. */
async function problemsOfDestination(
  destination: DestinationConfig,
  config: ConnectorConfig,
): Promise<ConnectorError[]> {
  const context = { clock: systemClock, random: Math.random, connectorId: 'check' }
  try {
    await makeDestination(destination, config, context)
    return []
  } catch (error) {
    return [asConnectorError(error, 'Unexpected', destination.place)]
  }
}

/**
 * One error for all problems: a wrong configuration, if one of them is.
 * @param effect what they keep the connector from
 */
export function startErrorOf(
  problems: readonly ConnectorError[],
  effect = 'can’t start',
): ConnectorError | undefined {
  const [first, second] = problems
  if (first === undefined || second === undefined) return first
  const isConfiguration = problems.some(({ code }) => code === 'InvalidConfiguration')
  const lines = problems.map(({ message }) => `  ${message}`)
  return new ConnectorError(
    isConfiguration ? 'InvalidConfiguration' : first.code,
    `The connector ${effect}, for ${problems.length} reasons:\n${lines.join('\n')}`,
  )
}

function addressesOf({ sources: { mqttServer }, http }: ConnectorConfig): Address[] {
  const addresses: Address[] = []
  const server = 'sources.mqttServer'
  if (mqttServer !== undefined) {
    const { host, port, tls, webSocket } = mqttServer
    addresses.push({ host, port, setting: server })
    if (tls !== undefined) {
      addresses.push({ host: tls.host ?? host, port: tls.port, setting: `${server}.tls` })
    }
    if (webSocket !== undefined) {
      const { port } = webSocket
      addresses.push({ host: webSocket.host ?? host, port, setting: `${server}.webSocket` })
    }
  }
  if (http !== undefined) addresses.push({ host: http.host, port: http.port, setting: 'http' })
  return addresses
}
