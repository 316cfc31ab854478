/** The setting of an HTTP proxy, the same for every destination that sends HTTP requests. */
import * as z from 'zod'

export const proxyOption = z
  .url({ protocol: /^http$/, error: 'must be an http:// URL: http://host:port' })
  .refine((url) => isProxy(url), {
    error: 'must be http://host:port or http://user:password@host:port, and nothing after it',
  })
  .optional()
  .describe(
    'HTTP proxy to connect through, with CONNECT. User and password go into the URL, percent-encoded. Environment variables such as HTTPS_PROXY are not read.',
  )

/** `URL` also accepts `http:/host` and `http:host`, which are more likely to be mistakes. */
const PROXY = /^http:\/\/[^\s/\\?#]+\/?$/i

function isProxy(url: string): boolean {
  if (!URL.canParse(url)) return true
  const { protocol, username, password } = new URL(url)
  if (protocol !== 'http:') return true
  try {
    // A control character would end the header field that carries them.
    const user = decodeURIComponent(username) + decodeURIComponent(password)
    return PROXY.test(url) && !/\p{Cc}/u.test(user)
  } catch {
    return false
  }
}
