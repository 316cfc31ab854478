/**
 * URLs of contents, as S3 signs them in advance: who has one may read this content until it expires,
 * without token or key.
 *
 *     /api/v1/dataset-contents/report/0b7e…/0/result.csv?expires=1764446400&signature=9f2c…
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

export const CONTENT_PATH = '/api/v1/dataset-contents'

const LIFETIME_S = 4 * 3_600
/** Before the year 5138: a longer number is nobody's time. */
const EXPIRES = /^\d{1,11}$/
const SIGNATURE = /^[0-9a-f]{64}$/

export interface ContentPlace {
  readonly dataset: string
  readonly version: string
  /** Its number in the version. */
  readonly entry: string
  /** What a browser stores it as. */
  readonly name: string
}

export type UrlFault = 'expired' | 'forged'

export class ContentUrls {
  readonly #key: Buffer

  constructor(key: Buffer) {
    this.#key = key
  }

  /** @param now milliseconds since 1970 */
  urlOf(place: ContentPlace, origin: string, now: number): string {
    const expires = String(Math.floor(now / 1_000) + LIFETIME_S)
    const names = [place.dataset, place.version, place.entry, place.name].map(encodeURIComponent)
    const signature = this.#signature(place, expires).toString('hex')
    return `${origin}${CONTENT_PATH}/${names.join('/')}?expires=${expires}&signature=${signature}`
  }

  /** Undefined if the URL is one of ours and still valid. */
  faultOf(place: ContentPlace, query: URLSearchParams, now: number): UrlFault | undefined {
    const expires = query.get('expires') ?? ''
    const signature = query.get('signature') ?? ''
    if (!EXPIRES.test(expires) || !SIGNATURE.test(signature)) return 'forged'
    const expected = this.#signature(place, expires)
    if (!timingSafeEqual(expected, Buffer.from(signature, 'hex'))) return 'forged'
    return Number(expires) * 1_000 > now ? undefined : 'expired'
  }

  /** JSON keeps the parts apart, whatever they contain. */
  #signature({ dataset, version, entry, name }: ContentPlace, expires: string): Buffer {
    const signed = JSON.stringify([dataset, version, entry, name, expires])
    return createHmac('sha256', this.#key).update(signed).digest()
  }
}
