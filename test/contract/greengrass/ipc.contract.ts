/** The contract of every client of the nucleus's IPC, with both kinds of nucleus. */
import { CHARACTERS } from '../../support/greengrass/character.ts'
import { testConfiguration } from './configuration.contract.ts'
import { testConnecting } from './connecting.contract.ts'
import type { IpcUnderTest } from './ipc-under-test.ts'
import { testMessages } from './messages.contract.ts'
import { testSizes } from './sizes.contract.ts'

export function testIpcClient(under: IpcUnderTest): void {
  for (const character of CHARACTERS) {
    testConnecting(under, character)
    testMessages(under, character)
    testConfiguration(under, character)
  }
  testSizes(under)
}
