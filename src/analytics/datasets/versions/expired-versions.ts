/**
 * Which versions are kept, by the rules of IoT Analytics:
 *
 *     versioning      kept, none of them longer than the retention period
 *     (not set)       the latest, and the latest that succeeded
 *     maxVersions: n  the n latest, among them the latest that succeeded
 *     unlimited       all
 *
 * The retention period is 90 days if it is not set. Content that is being made is always kept.
 */
import type { DatasetDefinition } from '../../resources/dataset-definition.ts'
import type { VersionRecord } from './version-record.ts'

type Rules = Pick<DatasetDefinition, 'retentionPeriod' | 'versioningConfiguration'>

const DEFAULT_DAYS = 90
const DAY_MS = 86_400_000
/** A bound for everything that is kept of one dataset in memory. */
export const MAX_VERSIONS = 10_000

/** @param versions the newest first */
export function expiredVersions(
  versions: readonly VersionRecord[],
  rules: Rules,
  now: number,
): VersionRecord[] {
  const oldest = now - retentionMsOf(rules)
  const complete = versions.filter(({ state }) => state !== 'CREATING')
  const kept = keptByNumber(complete, rules)
  return complete.filter((version) => !kept.has(version) || version.createdAt < oldest)
}

function retentionMsOf({ retentionPeriod = {} }: Rules): number {
  const { unlimited = false, numberOfDays = DEFAULT_DAYS } = retentionPeriod
  return unlimited ? Number.POSITIVE_INFINITY : numberOfDays * DAY_MS
}

function keptByNumber(
  versions: readonly VersionRecord[],
  { versioningConfiguration }: Rules,
): ReadonlySet<VersionRecord> {
  const succeeded = versions.find(({ state }) => state === 'SUCCEEDED')
  if (versioningConfiguration === undefined) {
    return new Set([versions[0], succeeded].filter((version) => version !== undefined))
  }
  const { maxVersions = MAX_VERSIONS } = versioningConfiguration
  const latest = versions.slice(0, maxVersions)
  if (succeeded === undefined || latest.includes(succeeded)) return new Set(latest)
  return new Set([...latest.slice(0, -1), succeeded])
}
