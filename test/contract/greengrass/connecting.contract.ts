/** The contract of clients of the nucleus's IPC: logging in, and the ends of connections. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Character } from '../../support/greengrass/character.ts'
import { settled } from '../../support/settled.ts'
import { until } from '../../support/until.ts'
import { answeredWith, COMPONENT, connectAs, inbox, openSite } from './ipc-site.ts'
import type { IpcUnderTest } from './ipc-under-test.ts'

export function testConnecting(under: IpcUnderTest, character: Character): void {
  describe(`${under.name} connects to the ${character.name} nucleus`, () => {
    test('the token says which component it is', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)

      await client.updateState('RUNNING')

      assert.deepEqual(nucleus.connected(), [COMPONENT])
      assert.deepEqual(nucleus.statesOf(COMPONENT), ['RUNNING'])
    })

    test('a wrong token is not accepted', async (t) => {
      const { nucleus } = await openSite(t, under, character)

      await assert.rejects(under.connect(t, nucleus.socketPath, 'AAAABBBBCCCCDDDD'))
    })

    test('closing ends the connection and its subscriptions', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      await inbox(client, { topic: 'plant/#' })

      await client.close()
      await client.disconnected

      await until('the nucleus had noticed', () => nucleus.connected().length === 0)
      assert.deepEqual(nucleus.filtersOf(COMPONENT), [])
    })

    test('a connection that the nucleus closes is reported', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)

      nucleus.closeConnections()

      await client.disconnected
    })

    test('after a restart an old token is refused and a new one is accepted', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const oldToken = nucleus.tokenOf(COMPONENT)

      await nucleus.restart()
      await client.disconnected

      await assert.rejects(under.connect(t, nucleus.socketPath, oldToken))
      const accepted = nucleus.logins().map(({ isAccepted }) => isAccepted)
      assert.deepEqual(accepted, [true, false])
      const again = await connectAs(t, under, nucleus, COMPONENT)
      await again.updateState('RUNNING')
      assert.deepEqual(nucleus.connected(), [COMPONENT])
    })

    test('an answer that comes late does not delay the others', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      const release = nucleus.holdAnswer('GetConfiguration')

      const late = client.configuration.get({ keyPath: ['region'] })
      await client.updateState('RUNNING')
      release()

      assert.deepEqual((await late).value, { region: 'eu-west-1' })
    })

    test('a nucleus that hangs answers when it has recovered', async (t) => {
      const { nucleus, client } = await openSite(t, under, character)

      nucleus.hang()
      const late = client.updateState('RUNNING')
      await settled()
      assert.deepEqual(nucleus.statesOf(COMPONENT), [])
      nucleus.recover()

      await late
      assert.deepEqual(nucleus.statesOf(COMPONENT), ['RUNNING'])
    })

    const outcome = under.settlesLostRequests ? 'rejects' : 'never settles'
    test(`a request ${outcome} when the connection ends before the answer`, async (t) => {
      const { nucleus, client } = await openSite(t, under, character)
      nucleus.holdAnswer('GetConfiguration')
      let isSettled = false

      const lost = client.configuration.get({ keyPath: [] })
      const lostSettled = lost
        .catch(() => {})
        .then(() => {
          isSettled = true
        })
      await until('it had arrived', () => nucleus.requests('GetConfiguration').length === 1)
      nucleus.closeConnections()
      await client.disconnected

      if (under.settlesLostRequests) await lostSettled
      else await settled()
      assert.equal(isSettled, under.settlesLostRequests)
    })

    test('a refused operation leaves the connection as it is', async (t) => {
      const { client } = await openSite(t, under, character)

      const missing = client.configuration.get({ keyPath: ['nowhere'] })
      await assert.rejects(missing, answeredWith(under, 'ResourceNotFoundError'))

      await client.updateState('RUNNING')
    })
  })
}
