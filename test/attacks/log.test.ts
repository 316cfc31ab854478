/** Everybody whose doing is logged can make the log grow, but only so fast. */
import { attack, number } from '../support/attacks/attack.ts'
import { unsubscribeFrom } from '../support/attacks/hostile-packets.ts'
import { publishPacket } from '../support/mqtt/mqtt-wire.ts'

attack('strangers with ever new names do not fill the log', {
  maxGrownMb: 80,
  against: ['rules'],
  play: async (target) => {
    const addresses = 50
    for (let index = 0; index < number(400, 10_000); index++) {
      const names = { userName: `nobody ${index}`, clientId: `stranger ${index}` }
      const from = `127.0.3.${1 + (index % addresses)}`
      const stranger = await target.stranger({ ...target.plainWay('nobody'), ...names, from })
      stranger.drop()
    }
    return undefined
  },
})

attack('filters of 60 KB that are wrong do not fill the log', {
  maxGrownMb: 100,
  play: async (target) => {
    const long = 'x'.repeat(60_000)
    await target.flood(number(300, 3_000), (index) => unsubscribeFrom([`${index}#${long}`]))
    return undefined
  },
})

attack('topics that are ever different and not permitted do not fill the log', {
  maxGrownMb: 80,
  isPlainInCi: true,
  play: async (target) => {
    await target.flood(number(2_000, 50_000), (index) =>
      publishPacket({ topic: `iotanalytics/channels/other-${index}/messages/put`, qos: 1 }),
    )
    return undefined
  },
})
