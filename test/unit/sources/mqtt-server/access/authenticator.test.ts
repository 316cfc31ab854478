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
