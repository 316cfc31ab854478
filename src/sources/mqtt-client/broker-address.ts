/** A broker's URL as MQTT.js's options: given a URL, it uses the deprecated `url.parse`. */
import type { IClientOptions } from 'mqtt'

const PROTOCOLS = {
  mqtt: 'mqtt',
  tcp: 'mqtt',
  mqtts: 'mqtts',
  tls: 'mqtts',
  ws: 'ws',
  wss: 'wss',
} as const

type Scheme = keyof typeof PROTOCOLS

export function brokerAddress(url: string): IClientOptions {
  const { protocol, hostname, port, pathname, search, username, password } = new URL(url)
  const scheme = protocol.slice(0, -1)
  const isWebSocket = scheme.startsWith('ws')
  return {
    ...(isKnown(scheme) && { protocol: PROTOCOLS[scheme] }),
    // MQTT.js puts the host into the URL of a WebSocket as it is.
    host: isWebSocket ? hostname : hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(port !== '' && { port: Number(port) }),
    ...(isWebSocket && { path: `${pathname}${search}` }),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
}

function isKnown(scheme: string): scheme is Scheme {
  return Object.hasOwn(PROTOCOLS, scheme)
}
