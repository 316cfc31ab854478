/**
 * Reads the header of the PROXY protocol, with which a proxy says which client a connection is for
 * (HAProxy, proxy-protocol.txt). Version 1 is a line of text, version 2 is binary:
 *
 *     PROXY TCP4 203.0.113.7 192.0.2.1 50000 8883\r\n
 *     signature (12 bytes) │ 0x20 local, 0x21 proxy │ family │ length (2) │ addresses │ extensions
 */
import { isIPv4, isIPv6 } from 'node:net'

export interface ProxyHeader {
  /** Bytes of the header; what follows is the client's. */
  readonly length: number
  /** Undefined if the connection is the proxy's own, such as a health check. */
  readonly client: { readonly address: string; readonly port: number } | undefined
}

export type ReadHeader = ProxyHeader | 'incomplete' | { readonly fault: string }

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const START_OF_LINE = Buffer.from('PROXY ', 'latin1')
/** Including CR and LF (section 2.1). */
const MAX_LINE_BYTES = 107
const MAX_BINARY_BYTES = 536
const FIXED_BYTES = 16

const COMMAND = { local: 0x20, proxy: 0x21 } as const
const FAMILY = { unspecified: 0x00, tcp4: 0x11, tcp6: 0x21 } as const
const LINE = /^PROXY (?:UNKNOWN(?: .*)?|(TCP[46]) (\S+) (\S+) (\d{1,5}) (\d{1,5}))$/

/** `bytes` are all that have arrived. Never reads beyond the longest header there is. */
export function readProxyHeader(bytes: Buffer): ReadHeader {
  if (startsLike(bytes, SIGNATURE)) return readBinary(bytes)
  if (startsLike(bytes, START_OF_LINE)) return readLine(bytes)
  const found = bytes.subarray(0, 8).toString('hex')
  return { fault: `expected a PROXY protocol header, got bytes that begin with ${found}` }
}

function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length)
  return bytes.compare(start, 0, length, 0, length) === 0
}

function readLine(bytes: Buffer): ReadHeader {
  const end = bytes.subarray(0, MAX_LINE_BYTES).indexOf('\r\n')
  if (end < 0) {
    if (bytes.length < MAX_LINE_BYTES) return 'incomplete'
    return { fault: `expected a PROXY protocol line of at most ${MAX_LINE_BYTES} bytes` }
  }
  const [line, family, address = '', target = '', port, targetPort] =
    LINE.exec(bytes.toString('latin1', 0, end)) ?? []
  const length = end + 2
  if (line === undefined) return { fault: 'expected PROXY TCP4, TCP6 or UNKNOWN and its fields' }
  if (family === undefined) return { length, client: undefined }
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6
  if (!isAddress(address) || !isAddress(target) || !isPort(port) || !isPort(targetPort)) {
    return { fault: `expected two ${family} addresses and two ports in the PROXY protocol line` }
  }
  return { length, client: { address, port: Number(port) } }
}

function isPort(text = ''): boolean {
  return Number(text) <= 65_535 && String(Number(text)) === text
}

function readBinary(bytes: Buffer): ReadHeader {
  if (bytes.length < FIXED_BYTES) return 'incomplete'
  const [command, family] = [bytes[12], bytes[13]]
  const length = FIXED_BYTES + bytes.readUInt16BE(14)
  if (command !== COMMAND.local && command !== COMMAND.proxy) {
    return { fault: 'expected version 2 of the PROXY protocol, and LOCAL or PROXY' }
  }
  if (length > MAX_BINARY_BYTES) {
    return { fault: `expected a PROXY protocol header of at most ${MAX_BINARY_BYTES} bytes` }
  }
  if (bytes.length < length) return 'incomplete'
  if (command === COMMAND.local || family === FAMILY.unspecified) {
    return { length, client: undefined }
  }
  const addressBytes = family === FAMILY.tcp4 ? 4 : family === FAMILY.tcp6 ? 16 : undefined
  if (addressBytes === undefined || length < FIXED_BYTES + 2 * addressBytes + 4) {
    return { fault: 'expected the addresses of a TCP connection in the PROXY protocol header' }
  }
  const address = textOf(bytes.subarray(FIXED_BYTES, FIXED_BYTES + addressBytes))
  return { length, client: { address, port: bytes.readUInt16BE(FIXED_BYTES + 2 * addressBytes) } }
}

function textOf(address: Buffer): string {
  if (address.length === 4) return address.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(2 * index))
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (isMapped) return address.subarray(12).join('.')
  return groups.map((group) => group.toString(16)).join(':')
}
