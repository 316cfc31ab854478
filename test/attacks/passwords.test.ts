/** Strangers that guess passwords. */
import assert from 'node:assert/strict'
import { attack, number } from '../support/attacks/attack.ts'

attack('guesses beyond the limit are not compared, also for a user who was here before', {
  maxGrownMb: 60,
  against: ['rules'],
  play: async (target) => {
    const victim = await target.attacker({ ...target.plainWay('victim_1'), clientId: 'victim' })
    const right = target.plainWay('victim_1').password ?? ''
    const count = number(60, 3_000)
    let found = false
    for (let guess = 0; guess < count; guess++) {
      const password = guess === count - 10 ? right : `guess ${guess}`
      const way = { ...target.plainWay('victim_1'), from: '127.0.0.2', password }
      const stranger = await target.stranger({ ...way, clientId: `guess-${guess}` })
      found ||= stranger.isIn
      stranger.drop()
    }
    assert.equal(found, false, 'the password was found')
    assert.equal(victim.isClosed, false)
    const again = await target.stranger({ ...target.plainWay('victim_1'), clientId: 'victim' })
    assert.ok(again.isIn, 'the user is locked out at an address that did not guess')
    return undefined
  },
})

attack('the time of a refusal does not tell whether a user exists', {
  maxGrownMb: 60,
  against: ['rules'],
  play: async (target) => {
    const password = 'guess'
    const timesOf = async (userName: string, network: number): Promise<number> => {
      const times: number[] = []
      for (let host = 1; host <= 15; host++) {
        const from = `127.0.${network}.${host}`
        const startMs = performance.now()
        const fields = { ...target.plainWay(userName), from, password, clientId: 'guess' }
        const stranger = await target.stranger(fields)
        times.push(performance.now() - startMs)
        assert.equal(stranger.isIn, false)
        stranger.drop()
      }
      return times.sort((one, other) => one - other)[7] ?? 0
    }
    const known = await timesOf('victim_1', 1)
    const unknown = await timesOf('nobody_1', 2)
    assert.ok(Math.abs(known - unknown) < 5, `${known} ms known, ${unknown} ms unknown`)
    return undefined
  },
})
