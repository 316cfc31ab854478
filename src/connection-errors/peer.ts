/** The other end, and the settings for it. */
export interface ConnectionPeer {
  /** Such as `endpoint` or `broker`. */
  readonly name: string
  readonly ca: string
  /** Such as `http.tls.cert and http.tls.key`. */
  readonly certAndKey: string
  readonly servername: string
  /** The settings that name it, such as `host and port`. */
  readonly address?: string | undefined
}

/**
 * @param place the section of its TLS settings, such as `sources.mqttClient.tls`
 * @param address the settings that name it
 */
export function peerAt(name: string, place: string, address?: string): ConnectionPeer {
  return {
    name,
    ca: `${place}.ca`,
    certAndKey: `${place}.cert and ${place}.key`,
    servername: `${place}.servername`,
    address,
  }
}
