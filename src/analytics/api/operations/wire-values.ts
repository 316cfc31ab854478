/** Values as answers have them. */

/** Every resource can be used as soon as it is defined. */
export const ACTIVE = 'ACTIVE'

/** Seconds since 1970, with fractions; undefined stays. */
export function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : milliseconds / 1_000
}

export function timesOf(resource: {
  readonly createdAt: number | undefined
  readonly updatedAt: number | undefined
}) {
  const { createdAt, updatedAt } = resource
  return { creationTime: seconds(createdAt), lastUpdateTime: seconds(updatedAt) }
}
