/** The nucleus of this process, while its answers are late or do not come. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Nucleus } from '../../../../src/sources/greengrass/nucleus.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { settled } from '../../../support/settled.ts'
import { until } from '../../../support/until.ts'
import { ScriptedNucleus } from '../../greengrass/ipc/scripted-nucleus.ts'

async function connectedRig(t: TestContext) {
  const scripted = await ScriptedNucleus.start(t)
  const clock = new ManualClock()
  const nucleus = new Nucleus({
    component: undefined,
    environment: {
      AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT: scripted.socketPath,
      SVCUID: 'ABCDEFGHIJKLMNOP',
    },
    clock,
    random: () => 0,
  })
  const started = nucleus.start()
  const peer = await scripted.login()
  peer.accept()
  await started
  // It asks first whether the nucleus is lite.
  await peer.message(1)
  t.after(async () => {
    const closed = nucleus.close()
    clock.advance(60_000)
    await closed
  })
  return { scripted, clock, nucleus, peer }
}

test('a nucleus whose first answer is late is asked again on the same connection', async (t) => {
  const { scripted, clock, nucleus, peer } = await connectedRig(t)

  peer.send(2, 0, 0)
  await peer.message(2) // the answer to the ping: the connection is alive
  clock.advance(10_000)
  const { streamId } = await peer.message(3)
  assert.equal(nucleus.bus.isUp, false)
  peer.fail(streamId, 'ResourceNotFoundError', '{}')

  await until('the bus is up', () => nucleus.bus.isUp)
  assert.equal(scripted.peers.length, 1)
})

test('closing ends after half a second, whatever the nucleus does not answer', async (t) => {
  const { clock, nucleus, peer } = await connectedRig(t)
  let isClosed = false

  const closed = nucleus.close().then(() => {
    isClosed = true
  })
  clock.advance(499)
  await settled()
  assert.equal(isClosed, false)
  clock.advance(1)

  await closed
  await peer.closed()
})
