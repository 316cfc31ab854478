/**
 * The files for containers, without an engine that runs them: that what they name is there, that what
 * they set is valid, and that they give no more rights than needed.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { VERSION } from '../../src/version.ts'
import { repository } from '../support/processes/package-sources.ts'
import { temporaryDirectory } from '../support/processes/running-connector.ts'

const textOf = (...path: string[]): string => readFileSync(join(repository, ...path), 'utf8')
const dockerfile = textOf('Dockerfile')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, '')
const stages = dockerfile.split(/^(?=FROM )/m).filter((stage) => stage.startsWith('FROM '))
const image = stages.at(-1) ?? ''

async function configurationOf(t: TestContext, text: string) {
  const file = join(await temporaryDirectory(t), 'iot-analytics-connector.yaml')
  writeFileSync(file, text)
  return (await loadConfig({ file, environment: {} })).config
}

test('the image runs the program without a shell, as a user without rights, with its data in a volume', () => {
  assert.match(image, /^FROM gcr\.io\/distroless\/nodejs24-debian13:nonroot$/m)
  assert.match(image, /^USER 65532$/m)
  assert.match(image, /^VOLUME \/data$/m)
  const commands = image.match(/^(?:ENTRYPOINT|CMD|HEALTHCHECK .*CMD) .*$/gm) ?? []
  assert.equal(commands.length, 3)
  for (const command of commands) {
    const list = JSON.parse(command.slice(command.indexOf('[')))
    assert.ok(Array.isArray(list), command)
  }
  assert.match(image, /^HEALTHCHECK .* CMD \[.*"status", "--ready"\]$/m)
})

test('what the image copies is made by a stage before, and what a stage reads is not ignored', () => {
  const names = stages.map((stage) => /^FROM .* AS (\w+)$/m.exec(stage)?.[1])
  for (const [, stage] of dockerfile.matchAll(/--from=(\S+)/g))
    assert.ok(names.includes(stage), stage)
  const kept = [...textOf('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path = '']) => path)
  for (const [, sources = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
    for (const source of sources.split(' ')) {
      assert.ok(source === '.' || kept.includes(source), `${source} is ignored`)
    }
  }
  for (const path of kept) {
    assert.ok(path === 'dashboard' || existsSync(join(repository, path)), path)
  }
  const { scripts } = JSON.parse(textOf('package.json'))
  for (const [script = ''] of String(scripts.build).matchAll(/scripts\/\S+/g)) {
    assert.ok(existsSync(join(repository, script)), script)
  }
})

test('the compose file keeps the HTTP port on this machine, and its configuration is valid', async (t) => {
  const { services, volumes } = parse(textOf('packaging', 'docker', 'compose.yaml'))
  const config = await configurationOf(
    t,
    textOf('packaging', 'docker', 'iot-analytics-connector.yaml'),
  )

  const { ports, read_only: isReadOnly, cap_drop: dropped, secrets } = services.connector
  assert.deepEqual(ports, ['1883:1883', '127.0.0.1:8090:8090'])
  assert.deepEqual([isReadOnly, dropped], [true, ['ALL']])
  assert.deepEqual(Object.keys(volumes), ['data'])
  assert.equal(config.sources.mqttServer?.passwordFile, `/run/secrets/${secrets[0]}`)
  assert.equal(config.http?.tokenFile, `/run/secrets/${secrets[1]}`)
})

test('on Kubernetes one pod has a volume, probes and no rights, and its configuration is valid', async (t) => {
  const documents = parseAllDocuments(textOf('packaging', 'kubernetes', 'connector.yaml'))
  const [map, service, set] = documents.map((document) => document.toJS())

  assert.deepEqual([map.kind, service.kind, set.kind], ['ConfigMap', 'Service', 'StatefulSet'])
  const { spec } = set.spec.template
  const [container] = spec.containers
  const config = await configurationOf(t, map.data['iot-analytics-connector.yaml'])
  assert.equal(set.spec.replicas, 1)
  assert.deepEqual(service.spec.selector, set.spec.template.metadata.labels)
  assert.equal(service.metadata.name, set.spec.serviceName)
  assert.ok(container.image.endsWith(`:${VERSION}`))
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    assert.match(container[probe].httpGet.path, /^\/health\/(live|ready)$/)
    assert.equal(container[probe].httpGet.port, 'http')
  }
  assert.deepEqual(
    container.ports.map((port: { containerPort: number }) => port.containerPort),
    [config.sources.mqttServer?.port, config.http?.port],
  )
  const mounted = container.volumeMounts.map((mount: { name: string }) => mount.name).sort()
  const made = [...spec.volumes, ...set.spec.volumeClaimTemplates]
  const names = made.map((volume) => volume.name ?? volume.metadata.name).sort()
  assert.deepEqual(mounted, names)
  assert.equal(spec.securityContext.runAsNonRoot, true)
  assert.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  assert.ok(spec.terminationGracePeriodSeconds > 10)
})
