/** Who is let in: certificates, passwords, limits on guessing, and users that change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Claim } from '../../../../../src/sources/mqtt-server/access/access-control.ts'
import { accessRules } from '../../../../../src/sources/mqtt-server/access/access-rule.ts'
import {
  type AccessData,
  Authenticator,
} from '../../../../../src/sources/mqtt-server/access/authenticator.ts'
import { parsePasswordFile } from '../../../../../src/sources/mqtt-server/access/password-file.ts'
import { ManualClock } from '../../../../support/manual-clock.ts'
import { passwordLines } from '../../../../support/processes/password-file.ts'

const LINES = passwordLines({ pump: 'right', valve: 'other' })

function dataOf(lines: string | undefined, rules?: unknown): AccessData {
  return {
    users: lines === undefined ? undefined : parsePasswordFile(lines),
    rules: rules === undefined ? undefined : accessRules.parse(rules),
  }
}

function authenticatorOf(settings: { data?: AccessData; admitsAnonymous?: boolean } = {}) {
  const clock = new ManualClock()
  const authenticator = new Authenticator({
    clock,
    admitsAnonymous: settings.admitsAnonymous ?? false,
    maxFailuresPerMinute: 3,
    data: settings.data ?? dataOf(LINES),
  })
  return { authenticator, clock }
}

function claim(more: Partial<Omit<Claim, 'password'>> & { password?: string } = {}): Claim {
  const { password = 'right', ...others } = more
  return {
    userName: 'pump',
    certificateName: undefined,
    address: '192.0.2.1',
    hasLeft: () => false,
    ...others,
    password: Buffer.from(password),
  }
}

async function denialOf(authenticator: Authenticator, given: Claim): Promise<string | undefined> {
  return (await authenticator.identify(given)).denial
}

test('the name in a certificate is the user name, whatever else the client says', async () => {
  const { authenticator } = authenticatorOf()

  const identity = await authenticator.identify(claim({ certificateName: 'c', password: 'wrong' }))

  assert.equal(identity.denial, undefined)
  assert.ok('userName' in identity && identity.userName === 'c')
})

test('a client without a user name is anonymous, and let in only if that is allowed', async () => {
  const anonymous = claim({ userName: undefined })

  const strict = authenticatorOf().authenticator
  const open = authenticatorOf({ admitsAnonymous: true }).authenticator

  assert.equal(await denialOf(strict, anonymous), 'notAuthorized')
  assert.deepEqual(await open.identify(anonymous), { userName: undefined })
})

test('without a password file a user name is not believed', async () => {
  const { authenticator } = authenticatorOf({ data: dataOf(undefined), admitsAnonymous: true })

  assert.deepEqual(await authenticator.identify(claim()), { userName: undefined })
})

test('a password that was right is checked again without scrypt', async () => {
  const { authenticator } = authenticatorOf()

  const first = authenticator.identify(claim())
  assert.ok(first instanceof Promise)
  assert.equal((await first).denial, undefined)
  const second = authenticator.identify(claim({ address: '192.0.2.2' }))

  assert.ok(!(second instanceof Promise))
  assert.equal(second.denial, undefined)
  assert.ok(authenticator.identify(claim({ password: 'wrong' })) instanceof Promise)
})

test('an address that guesses has to wait, and the others do not', async () => {
  const { authenticator, clock } = authenticatorOf()
  const wrong = claim({ password: 'wrong' })

  for (let i = 0; i < 3; i++) assert.equal(await denialOf(authenticator, wrong), 'badCredentials')

  assert.equal(await denialOf(authenticator, claim()), 'tooManyAttempts')
  assert.equal(await denialOf(authenticator, claim({ address: '192.0.2.2' })), undefined)
  clock.advance(20_000)
  assert.equal(await denialOf(authenticator, claim({ userName: 'valve' })), 'badCredentials')
  assert.equal(await denialOf(authenticator, claim({ userName: 'valve' })), 'tooManyAttempts')
})

test('guesses that wait for their check at the same time do not get past the limit', async () => {
  const { authenticator } = authenticatorOf()
  const wrong = claim({ password: 'wrong' })

  const denials = await Promise.all(
    Array.from({ length: 20 }, () => denialOf(authenticator, wrong)),
  )

  // Two are checked at once, so one more than the limit may be under way.
  const checked = denials.filter((denial) => denial === 'badCredentials').length
  assert.ok(checked >= 3 && checked <= 4, `${checked} were checked`)
  assert.equal(denials.filter((denial) => denial === 'tooManyAttempts').length, 20 - checked)
})

/** How many of these guesses at a password, made at once and over an hour, were compared. */
async function guessesOf(authenticator: Authenticator, clock: ManualClock, wrong: Claim) {
  let compared = 0
  for (let minute = 0; minute < 60; minute++) {
    const guesses = Array.from({ length: 50 }, () => denialOf(authenticator, wrong))
    for (const denial of await Promise.all(guesses)) if (denial === 'badCredentials') compared++
    clock.advance(60_000)
  }
  return compared
}

test('guesses at the password of a user that is connected are bounded like all others, also when they come at once', async () => {
  const { authenticator, clock } = authenticatorOf()
  assert.equal(await denialOf(authenticator, claim()), undefined)

  const compared = await guessesOf(authenticator, clock, claim({ password: 'wrong' }))

  assert.ok(compared <= 60 * 3, `${compared} guesses in an hour`)
})

test('the right password of a user that never logged in from an address is not let in while the address guesses', async () => {
  const { authenticator } = authenticatorOf()
  const elsewhere = (password: string) => claim({ address: '192.0.2.9', password })
  assert.equal(await denialOf(authenticator, claim()), undefined)
  const guesses = Array.from({ length: 3 }, () => denialOf(authenticator, elsewhere('wrong')))

  const denial = await denialOf(authenticator, elsewhere('right'))
  await Promise.all(guesses)

  assert.equal(denial, 'tooManyAttempts')
  assert.equal(await denialOf(authenticator, claim()), undefined)
})

test('a device is let in from an address it is known from while others there guess, unless they guess at its own password', async () => {
  const { authenticator, clock } = authenticatorOf()
  assert.equal(await denialOf(authenticator, claim()), undefined)
  const guess = (userName: string) => denialOf(authenticator, claim({ userName, password: 'no' }))
  for (let i = 0; i < 20; i++) await guess(`nobody ${i}`)

  assert.equal(await denialOf(authenticator, claim()), undefined)
  for (let i = 0; i < 3; i++) assert.equal(await guess('pump'), 'tooManyAttempts')
  assert.equal(await denialOf(authenticator, claim()), 'tooManyAttempts')
  clock.advance(60_000)
  assert.equal(await denialOf(authenticator, claim()), undefined)
})

test('guesses at one user from many addresses are checked slowly, and do not lock the user out', async () => {
  const { authenticator } = authenticatorOf()
  assert.equal(await denialOf(authenticator, claim()), undefined)
  const addressOf = (i: number) => `10.0.${i >> 8}.${i & 255}`

  for (let i = 0; i < 70; i++) {
    await denialOf(authenticator, claim({ address: addressOf(i), password: 'wrong' }))
  }
  const fromAnother = authenticator.identify(claim({ address: '192.0.2.2' }))

  assert.ok(fromAnother instanceof Promise)
  assert.equal((await fromAnother).denial, undefined)
  assert.ok(!(authenticator.identify(claim()) instanceof Promise))
})

test('user names and passwords beyond 1,024 bytes are refused before anything is computed', () => {
  const { authenticator } = authenticatorOf()
  const long = 'ä'.repeat(513)

  for (const given of [claim({ userName: long }), claim({ password: long })]) {
    assert.deepEqual(authenticator.identify(given), { denial: 'badCredentials' })
  }
  assert.ok(authenticator.identify(claim({ password: 'ä'.repeat(512) })) instanceof Promise)
})

test('the password of an unknown user costs as much to check as that of a known one', async () => {
  const cheap = passwordLines({ cheap: 'right' })
  const dear =
    'dear:scrypt$32768$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n'
  const costs = async (lines: string) => {
    const { authenticator } = authenticatorOf({ data: dataOf(lines) })
    const address = (i: number) => `192.0.2.${i}`
    const times: number[] = []
    for (let i = 0; i < 8; i++) {
      const began = performance.now()
      await denialOf(authenticator, claim({ userName: `nobody ${i}`, address: address(i) }))
      times.push(performance.now() - began)
    }
    return times.toSorted((one, other) => one - other)
  }

  const [ofCheap, ofDear] = [await costs(cheap), await costs(dear)]

  // 32,768 costs 128 times as much as 256.
  assert.ok((ofCheap[4] ?? 0) * 5 < (ofDear[4] ?? 0), `${ofCheap} and ${ofDear}`)
})

test('a client that left while it waited costs no scrypt and counts as no guess', async () => {
  const { authenticator } = authenticatorOf()
  const gone = claim({ password: 'wrong', hasLeft: () => true })

  for (let i = 0; i < 10; i++) assert.equal(await denialOf(authenticator, gone), 'busy')

  assert.equal(await denialOf(authenticator, claim()), undefined)
})

test('with too many checks waiting a client has to come back later', async () => {
  const { authenticator } = authenticatorOf()
  const addressOf = (i: number) => `10.0.${i >> 8}.${i & 255}`

  const denials = await Promise.all(
    Array.from({ length: 410 }, (_, i) =>
      denialOf(authenticator, claim({ address: addressOf(i), hasLeft: () => i > 1 })),
    ),
  )

  // 2 run, 400 wait and find that their client has left, 8 find the queue full.
  assert.equal(denials.filter((denial) => denial === undefined).length, 2)
  assert.equal(denials.filter((denial) => denial === 'busy').length, 408)
})

test('after an update, a user whose hash is the same stays, and others have to leave', async () => {
  const { authenticator } = authenticatorOf()
  const pump = await authenticator.identify(claim())
  const valve = await authenticator.identify(claim({ userName: 'valve', password: 'other' }))
  assert.ok(pump.denial === undefined && valve.denial === undefined)
  const [pumpLine = ''] = LINES.split('\n')

  authenticator.update(dataOf(`${pumpLine}\n${passwordLines({ valve: 'other' })}`))

  assert.equal(authenticator.isCurrent(pump), true)
  assert.equal(authenticator.isCurrent(valve), false)
  assert.ok(!(authenticator.identify(claim()) instanceof Promise))
  authenticator.update(dataOf(passwordLines({ valve: 'other' })))
  assert.equal(authenticator.isCurrent(pump), false)
  assert.equal(await denialOf(authenticator, claim()), 'badCredentials')
})

test('anonymous clients and those with a certificate stay through every update', async () => {
  const { authenticator } = authenticatorOf({ admitsAnonymous: true })
  const anonymous = await authenticator.identify(claim({ userName: undefined }))
  const certified = await authenticator.identify(claim({ certificateName: 'c' }))
  assert.ok(anonymous.denial === undefined && certified.denial === undefined)

  authenticator.update(dataOf(''))

  assert.equal(authenticator.isCurrent(anonymous), true)
  assert.equal(authenticator.isCurrent(certified), true)
})

test('permissions come from the rules of the newest update; without rules everything is allowed', () => {
  const { authenticator } = authenticatorOf()
  const mayPublish = (topic: string) => authenticator.permissionsOf('pump', 'id').mayPublish(topic)

  assert.equal(mayPublish('anything'), true)
  authenticator.update(dataOf(LINES, [{ user: 'pump', publish: ['pumps/#'] }]))
  assert.equal(mayPublish('pumps/1'), true)
  assert.equal(mayPublish('anything'), false)
})
