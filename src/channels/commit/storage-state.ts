/** The names of what can be wrong with storage, and what to do about each. */
import { type ConnectorError, systemCodeOf } from '../../errors.ts'

export type StorageStateName = 'ok' | 'full' | 'read-only' | 'no-access' | 'io-error' | 'failing'

export interface StorageState {
  readonly name: StorageStateName
  /** A sentence for the operator; empty while all is well. */
  readonly advice: string
}

export const STORAGE_OK: StorageState = { name: 'ok', advice: '' }

const FULL: StorageState = {
  name: 'full',
  advice:
    'The disk of storage.directory is full: free space on it or move the directory. Newcomers are refused meanwhile; they are taken again by themselves once there is room.',
}
const NO_ACCESS: StorageState = {
  name: 'no-access',
  advice:
    'The connector may not write below storage.directory: give its user the directory and all in it.',
}

const STATES: Readonly<Record<string, StorageState>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EROFS: {
    name: 'read-only',
    advice:
      'The file system of storage.directory is read-only: systems do that after an error of the disk. Look at the kernel’s log, check the disk, and mount it for writing again.',
  },
  EACCES: NO_ACCESS,
  EPERM: NO_ACCESS,
  EIO: {
    name: 'io-error',
    advice:
      'The disk reports errors: look at the kernel’s log and at its SMART data, copy storage.directory elsewhere, and replace it. What was acknowledged before and can be read is delivered.',
  },
}

const OTHER: StorageState = {
  name: 'failing',
  advice: 'Messages can’t be stored; it is tried again every few seconds.',
}

/** By the system's code of what caused the error, however deep it lies. */
export function storageStateOf(error: ConnectorError): StorageState {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const state = STATES[systemCodeOf(cause) ?? '']
    if (state !== undefined) return state
  }
  return OTHER
}
