/**
 * What clients make the server do, in units of work. One unit is about what a short PUBLISH costs:
 * one to two microseconds. A client's work is charged to its budget of this turn of the event loop,
 * and to the budget of all clients. When one of them is spent, the client's packets wait for a later
 * turn:
 *
 *     packets, deliveries, levels visited, … ──charge──▶ ReadThrottle (one client's turn)
 *                                                 └────▶ LoopTurns    (the whole turn)
 */

/** For one client. A packet may exceed it; the excess is paid in the turns that follow. */
export const WORK_A_TURN = 4_096
/** For all clients together. Beyond it, only those go on that have done little in this turn. */
export const WORK_OF_ALL_A_TURN = 8_192
/** Work in one turn that is let through even if the budget of all clients is spent. */
export const WORK_ALWAYS_DONE = 16

/** Levels of a tree of topics that are visited, for one unit. */
export const LEVELS_A_UNIT = 8
/** Bytes that are encoded or copied, for one unit. */
const BYTES_A_UNIT = 4_096

/** Bytes that a socket is given, for one unit. The kernel takes its time while its buffers grow. */
const WRITTEN_BYTES_A_UNIT = 128
/** One write to a socket, however short. */
const WORK_OF_A_WRITE = 2

/** Bytes of an envelope, which is JSON, for one unit. */
const ENVELOPE_BYTES_A_UNIT = 128

/** A delivery at QoS 0: most subscribers get the same packet. Writing it is charged by itself. */
export const WORK_OF_A_SHARED_PACKET = 1 / 8

/** A retained message gets its place in a tree, and is recorded for the next start. */
export const WORK_OF_RETAINING = 16

/** A refused message is counted, answered with a receipt, and kept as a dead letter. */
export const WORK_OF_A_REFUSAL = 32

/** Bytes of fields that are checked or decoded, such as user properties, for one unit. */
const FIELD_BYTES_A_UNIT = 32

export function workOfBytes(bytes: number): number {
  return bytes / BYTES_A_UNIT
}

export function workOfWriting(bytes: number): number {
  return WORK_OF_A_WRITE + bytes / WRITTEN_BYTES_A_UNIT
}

export function workOfEnvelope(bytes: number): number {
  return bytes / ENVELOPE_BYTES_A_UNIT
}

export function workOfFields(bytes: number): number {
  return bytes / FIELD_BYTES_A_UNIT
}

/**
 * Adds up the work of everything that happens at once, such as while one packet is handled. The
 * difference between two readings is charged to the client that caused it.
 */
export class WorkMeter {
  done = 0

  visited(levels: number): void {
    this.done += levels / LEVELS_A_UNIT
  }
}
