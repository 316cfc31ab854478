/** The commands that ask the running connector, over HTTPS. */
import assert from 'node:assert/strict'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryFile } from '../../support/disk/temporary-file.ts'
import { serveHttps } from '../../support/http/https.ts'
import { serve } from '../../support/http/served-view.ts'
import { makeCertificates, skipWithoutOpenssl } from '../../support/processes/certificates.ts'
import { runCommand } from '../../support/processes/command-line.ts'
import { temporaryDirectory } from '../../support/processes/running-connector.ts'

const skip = skipWithoutOpenssl
const TOKEN = 'a-token-of-its-own'

/** What the command prints on standard error when it fails. */
async function failure(t: TestContext, args: readonly string[], code = 1): Promise<string> {
  const ended = await runCommand(t, args)
  assert.deepEqual([ended.code, ended.stdout], [code, ''], ended.stderr)
  return ended.stderr
}

test('commands take an https:// address, with the authority to trust in --ca', {
  skip,
}, async (t) => {
  const { certificates, server, view } = await serveHttps(t, { options: { token: TOKEN } })
  const tokenFile = await temporaryFile(t, 'token', TOKEN)
  const flags = [
    ...['--url', `https://127.0.0.1:${server.port}`, '--ca', certificates.path('ca.crt')],
    ...['--token-file', tokenFile],
  ]
  view.add('sealed')

  const status = await runCommand(t, ['status', ...flags])
  const tail = await runCommand(t, ['tail', 'pumps', ...flags])
  const exported = await runCommand(t, ['export', 'pumps', ...flags])
  const retried = await runCommand(t, ['retry', ...flags])

  assert.match(status.stdout, /^OK {2}Everything works\.$/m)
  assert.match(tail.stdout, /sealed/)
  assert.match(exported.stdout, /"payload":"sealed"/)
  assert.match(retried.stdout, /cloud: trying 2 channels again now/)
  assert.deepEqual(
    [status, tail, exported, retried].map(({ code }) => code),
    [0, 0, 0, 0],
  )
})

test('a connector that is not trusted is refused, and the error names the flag that helps', {
  skip,
}, async (t) => {
  const { certificates, server } = await serveHttps(t)
  const { server: plain } = await serve(t)
  const url = `https://127.0.0.1:${server.port}`
  const ca = ['--ca', certificates.path('ca.crt')]

  const [unknown, misnamed, plainHttp, noHttps] = await Promise.all([
    failure(t, ['status', '--url', url]),
    failure(t, ['status', '--url', `https://localhost:${server.port}`, ...ca]),
    failure(t, ['status', '--url', `http://127.0.0.1:${server.port}`]),
    failure(t, ['status', '--url', `https://127.0.0.1:${plain.port}`, ...ca]),
  ])

  assert.match(unknown, /connector’s certificate comes from an authority of your own, set --ca to/)
  assert.match(misnamed, /set --url to a name in its certificate/)
  assert.match(plainHttp, /If it speaks HTTPS, set --url to https:\/\/…/)
  assert.match(noHttps, /It does not speak HTTPS: set --url to http:\/\/…/)
})

test('without --url, commands trust the certificate of the configuration and no other', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const cwd = await temporaryDirectory(t)
  const tokenFile = join(cwd, 'token')
  writeFileSync(tokenFile, TOKEN, { mode: 0o600 })
  const { server } = await serveHttps(t, {
    certificates,
    options: { host: '0.0.0.0', tokenFile },
  })
  const own = join(cwd, 'own.crt')
  copyFileSync(certificates.path('broker.crt'), own)
  const settings = [
    ...['http.host=0.0.0.0', `http.port=${server.port}`, `http.tokenFile=${tokenFile}`],
    ...[`http.tls.cert=${own}`, 'http.tls.key=not-read'],
  ]
  const args = ['status', ...settings.flatMap((setting) => ['--set', setting])]

  const { code, stdout, stderr } = await runCommand(t, args)
  copyFileSync(certificates.path('connector.crt'), own)
  const other = await failure(t, args)

  assert.equal(code, 0, stderr)
  assert.match(stdout, /^OK {2}Everything works\.$/m)
  assert.match(other, /certificate is not trusted: /)
})

test('--cert and --key present a client certificate, and the error asks for them', {
  skip,
}, async (t) => {
  const certificates = makeCertificates(t)
  const { server } = await serveHttps(t, {
    certificates,
    tls: { ca: certificates.path('ca.crt'), clientCertificate: 'required' },
  })
  const args = ['status', '--url', `https://127.0.0.1:${server.port}`]
  const ca = ['--ca', certificates.path('ca.crt')]
  const pair = [
    ...['--cert', certificates.path('connector.crt'), '--key', certificates.path('connector.key')],
  ]

  const [certified, without] = await Promise.all([
    runCommand(t, [...args, ...ca, ...pair]),
    failure(t, [...args, ...ca]),
  ])

  assert.equal(certified.code, 0, certified.stderr)
  assert.match(certified.stdout, /^OK {2}Everything works\.$/m)
  assert.match(without, /may ask for a client certificate: set --cert and --key/)
})

test('flags for TLS that cannot be used are a usage error that says why', { skip }, async (t) => {
  const certificates = makeCertificates(t)
  const ca = ['--ca', certificates.path('ca.crt')]
  const url = ['--url', 'https://127.0.0.1:1']
  const key = ['--key', certificates.path('connector.key')]

  const [plain, half, missing, mismatch, unused] = await Promise.all([
    failure(t, ['status', '--url', 'http://127.0.0.1:1', ...ca], 2),
    failure(t, ['status', ...url, ...key], 2),
    failure(t, ['status', ...url, '--ca', '/nowhere/ca.crt'], 2),
    failure(t, ['status', ...url, ...key, '--cert', certificates.path('broker.crt')], 2),
    failure(t, ['export', 'pumps', ...ca], 2),
  ])

  assert.match(plain, /are for HTTPS, but the address is http:\/\/127\.0\.0\.1:1: set --url/)
  assert.match(half, /--cert and --key go together/)
  assert.match(missing, /--ca: can’t read \/nowhere\/ca\.crt: there is no such file/)
  assert.match(mismatch, /broker\.crt, .*connector\.key can’t be used together: .*mismatch/)
  assert.match(unused, /--ca, --cert and --key need --url/)
})

test('without the token the error says where commands take it from', async (t) => {
  const { server } = await serve(t, { token: TOKEN })

  const text = await failure(t, ['tail', 'pumps', '--url', `http://127.0.0.1:${server.port}`])

  assert.match(text, /401: .* IOT_ANALYTICS_CONNECTOR_TOKEN/)
})
