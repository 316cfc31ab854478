/** The ways to log in at a NATS server, and what is said of wrong credentials. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createAccount, createUser } from '@nats-io/nkeys'
import { credsAuthenticator, nkeyAuthenticator } from '@nats-io/transport-node'
import { makeBatch } from '../support/channels/batch-maker.ts'
import { natsDestination, openedNats } from '../support/destinations/nats-destination.ts'
import { type NatsServer, skipWithoutNats, startNats } from '../support/servers/nats.ts'
import { makeJwtSite } from '../support/servers/nats-jwt.ts'
import { serverDirectory } from '../support/servers/server-process.ts'

const never = new AbortController().signal
const PLACE = 'destinations\\[0\\]'

describe('nats, logins', { skip: skipWithoutNats }, () => {
  for (const kind of ['token', 'nkey'] as const) {
    test(`a ${kind} logs in, and a wrong one is named`, async (t) => {
      const files = new Files(t)
      const user = createUser()
      const seed = Buffer.from(user.getSeed())
      const isToken = kind === 'token'
      const server = await startNats(t, {
        config: isToken
          ? 'authorization { token: "right" }'
          : `authorization { users = [ { nkey: ${user.getPublicKey()} } ] }`,
        connection: isToken ? { token: 'right' } : { authenticator: nkeyAuthenticator(seed) },
      })
      const setting = isToken ? 'tokenFile' : 'nkeyFile'
      const right = files.write('right', isToken ? 'right\n' : `${seed}\n`)
      const other = Buffer.from(createUser().getSeed())
      const wrong = files.write('wrong', isToken ? 'wrong\n' : `${other}\n`)

      await delivers(t, server, { [setting]: right })
      await isDenied(t, server, { [setting]: wrong }, new RegExp(`check ${PLACE}.*\\.${setting}`))
      await isDenied(t, server, {}, /has no user, tokenFile, credentialsFile or nkeyFile/)
    })
  }

  test('credentials with a JWT log in, and are read again when they are renewed', async (t) => {
    const files = new Files(t)
    const site = makeJwtSite()
    const authenticator = credsAuthenticator(Buffer.from(site.credentials()))
    const server = await startNats(t, { config: site.config, connection: { authenticator } })
    const soon = Math.floor(Date.now() / 1_000) + 3
    const file = files.write('user.creds', site.credentials({ expiresAt: soon }))
    const credentialsFile = (given: string) => ({ credentialsFile: files.write('other', given) })

    const destination = await openedNats(t, server.port, {
      ...{ stream: 'data', subjectPrefix: 'data', credentialsFile: file },
    })
    await destination.check(never)
    await isDenied(
      t,
      server,
      credentialsFile(site.credentials({ isKnown: false })),
      new RegExp(`check ${PLACE}.*\\.credentialsFile`),
    )
    const past = Math.floor(Date.now() / 1_000) - 10
    await isDenied(
      t,
      server,
      credentialsFile(site.credentials({ expiresAt: past })),
      /credentialsFile/,
    )
    // The server ends the connection of credentials that have expired.
    await expired(soon)
    await assert.rejects(destination.send(makeBatch('line', 1), never), { effect: 'retry' })
    files.write('user.creds', site.credentials())
    await untilDelivered(() => destination.send(makeBatch('line', 2), never))

    const stored = await server.stored('data', 'data.line')
    assert.deepEqual(
      stored.map(({ headers }) => headers.get('offset')),
      ['0', '1'],
    )
  })

  test('a file that holds no credentials is named before a server is asked', async (t) => {
    const files = new Files(t)
    const account = Buffer.from(createAccount().getSeed()).toString()
    for (const [setting, content, said] of [
      ['nkeyFile', 'no seed', /nkeyFile: expected the seed of a user’s nkey/],
      ['nkeyFile', account, /nkeyFile: expected the seed of a user’s nkey/],
      ['credentialsFile', 'no credentials', /credentialsFile: expected a JWT and the seed/],
    ] as const) {
      const destination = natsDestination(1, { stream: 's', [setting]: files.write('f', content) })
      await assert.rejects(destination.open(), (error: Error) => {
        assert.match(error.message, said)
        assert.ok(!error.message.includes(content))
        return true
      })
    }
  })
})

class Files {
  readonly #directory: string

  constructor(t: TestContext) {
    this.#directory = serverDirectory(t, 'credentials')
  }

  write(name: string, content: string): string {
    const path = join(this.#directory, name)
    writeFileSync(path, content)
    return path
  }
}

const BASE = { stream: 'data', subjectPrefix: 'data', timeout: 5_000, connectTimeout: 5_000 }

async function delivers(t: TestContext, server: NatsServer, given: object): Promise<void> {
  const destination = await openedNats(t, server.port, { ...BASE, ...given })
  await destination.check(never)
  const { rejected, kept } = await destination.send(makeBatch('line', 3), never)
  assert.deepEqual([rejected, kept], [[], []])
}

async function isDenied(t: TestContext, server: NatsServer, given: object, message: RegExp) {
  const destination = await openedNats(t, server.port, { ...BASE, ...given })
  const expected = { code: 'DestinationDenied', message }
  await assert.rejects(destination.check(never), expected)
  await assert.rejects(destination.send(makeBatch('line', 1), never), expected)
}

async function expired(atSeconds: number): Promise<void> {
  while (Date.now() < (atSeconds + 1) * 1_000) await delay(50)
}

async function untilDelivered(send: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const outcome = await send().catch(() => undefined)
    if (outcome !== undefined) return
    await delay(50)
  }
  assert.fail('it was not delivered')
}
