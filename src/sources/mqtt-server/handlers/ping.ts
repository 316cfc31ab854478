/** Handles PINGREQ (section 3.12). */
import { PINGRESP } from '../packets/protocol.ts'
import { ProtocolViolation } from '../packets/protocol-violation.ts'
import type { Client } from './client.ts'

export function handlePing({ link }: Client, start: number, end: number): void {
  if (start !== end) throw new ProtocolViolation('PINGREQ with a body')
  link.send(PINGRESP)
}
