/** Commands to try against the running connector, with the user and files its settings demand. */
import type { ConnectorConfig } from '../../../config/connector-config.ts'
import type { ConnectorDescription } from '../../../connector/connector-options.ts'

const CHANNEL = 'my_channel'
const PAYLOAD = '{"temp":23.33}'
const ENVELOPE = JSON.stringify({ request: { message: PAYLOAD }, id: 'req123' })
const TOPIC = `iotanalytics/channels/${CHANNEL}/messages/put`
const PLAIN_WORD = /^[\w@%+=:,./-]+$/

/** What a client needs to be let in; texts are ready for a shell. */
interface Access {
  readonly url: URL
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Accepts any certificate. */
  readonly isInsecure?: boolean
}

/** @param command how to call this program */
export function suggestions(
  command: string,
  config: ConnectorConfig,
  { sources, http }: ConnectorDescription,
): string[] {
  const access = serverAccess(config, sources) ?? brokerAccess(config)
  const lines = access === undefined ? [] : [publishLine(command, access)]
  return http === undefined ? lines : [...lines, ...httpLines(command, config, http)]
}

/** The plain port of the MQTT server, or the TLS port if clients need a certificate. */
function serverAccess(
  { sources: { mqttServer } }: ConnectorConfig,
  descriptions: readonly string[],
): Access | undefined {
  if (mqttServer === undefined) return undefined
  const { passwordFile, allowAnonymous, tls } = mqttServer
  const needsCertificate =
    passwordFile === undefined &&
    !allowAnonymous &&
    tls !== undefined &&
    tls.clientCertificate !== 'ignored'
  const url = addressIn(descriptions, needsCertificate ? 'mqtts' : 'mqtt')
  if (url === undefined) return undefined
  if (needsCertificate) {
    return { url, ca: word(tls.ca ?? tls.cert), cert: 'CLIENT.crt', key: 'CLIENT.key' }
  }
  const needsUser = passwordFile !== undefined && !allowAnonymous
  return needsUser ? { url, user: 'USER', password: 'PASSWORD' } : { url }
}

function addressIn(descriptions: readonly string[], scheme: string): URL | undefined {
  for (const description of descriptions) {
    const text = new RegExp(`\\b${scheme}://[^\\s,]+`).exec(description)?.[0]
    if (text !== undefined && URL.canParse(text)) return new URL(text)
  }
  return undefined
}

/** The broker, with what the connector itself uses. */
function brokerAccess({ sources: { mqttClient } }: ConnectorConfig): Access | undefined {
  if (mqttClient === undefined || !URL.canParse(mqttClient.url)) return undefined
  const { username, passwordFile, tls } = mqttClient
  return {
    url: new URL(mqttClient.url),
    user: wordOf(username),
    password: passwordFile === undefined ? undefined : contentOf(passwordFile),
    ca: wordOf(tls?.ca),
    cert: wordOf(tls?.cert),
    key: wordOf(tls?.key),
    isInsecure: tls?.rejectUnauthorized === false,
  }
}

function publishLine(command: string, access: Access): string {
  const { protocol } = access.url
  if (protocol === 'ws:' || protocol === 'wss:') return ownPublishLine(command, access)
  const isSecure = protocol === 'mqtts:' || protocol === 'tls:'
  const { hostname, port } = access.url
  return joined([
    'mosquitto_pub',
    ['-h', reachable(hostname.replaceAll(/[[\]]/g, ''))],
    ['-p', port || (isSecure ? '8883' : '1883')],
    ...(isSecure ? tlsOptions(access) : []),
    ['-u', access.user],
    ['-P', access.password],
    `-q 1 -t ${TOPIC} -m '${ENVELOPE}'`,
  ])
}

function tlsOptions({ ca, cert, key, isInsecure }: Access): Part[] {
  return [
    ca === undefined ? '--tls-use-os-certs' : ['--cafile', ca],
    ['--cert', cert],
    ['--key', key],
    isInsecure === true ? '--insecure' : ['', undefined],
  ]
}

/** mosquitto_pub does not speak WebSocket. A query in the URL may be a secret, so it is left out. */
function ownPublishLine(command: string, { url, user, password, ca, cert, key }: Access): string {
  return joined([
    `${command} publish ${CHANNEL} '${PAYLOAD}'`,
    ['--url', word(`${url.protocol}//${url.host}${url.pathname}`)],
    ['--username', user],
    ['--password', password],
    ['--ca', ca],
    ['--cert', cert],
    ['--key', key],
  ])
}

function httpLines(command: string, config: ConnectorConfig, http: string): string[] {
  const url = http.replace(/\/\/(0\.0\.0\.0|\[::\])(?=[:/]|$)/, '//localhost')
  const { token, tokenFile, tls } = config.http ?? {}
  const secret = tokenFile === undefined ? token && 'TOKEN' : contentOf(tokenFile)
  const variable = secret === undefined ? '' : `IOT_ANALYTICS_CONNECTOR_TOKEN=${secret} `
  const isSecure = tls !== undefined
  const needsCertificate = tls?.clientCertificate === 'required'
  const pair = [
    ['--cert', needsCertificate ? 'CLIENT.crt' : undefined],
    ['--key', needsCertificate ? 'CLIENT.key' : undefined],
  ] as const
  return [
    joined([
      `${variable}${command} tail ${CHANNEL} --follow --url ${url}`,
      ['--ca', isSecure ? 'CA.crt' : undefined],
      ...pair,
    ]),
    joined(['curl', ['--cacert', isSecure ? 'CA.crt' : undefined], ...pair, `${url}/health`]),
  ]
}

type Part = string | readonly [name: string, value: string | undefined]

/** Options without a value are left out. */
function joined(parts: readonly Part[]): string {
  return parts
    .flatMap((part) => {
      if (typeof part === 'string') return [part]
      return part[1] === undefined ? [] : [`${part[0]} ${part[1]}`]
    })
    .join(' ')
}

function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? 'localhost' : host
}

function contentOf(file: string): string {
  return `"$(cat ${word(file)})"`
}

function wordOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : word(text)
}

/** As one word of a shell. */
function word(text: string): string {
  return PLAIN_WORD.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
