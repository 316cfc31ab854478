/**
 * The cookie of a session. It has no `Path`: browsers then send it to the folder of the address that
 * set it, `…/api/v1`, whatever prefix a proxy puts before that.
 */

/** A page of another port can set cookies of this name, so more than one may come. */
const MAX_TRIED = 4

export function cookieName(port: number): string {
  return `iot-analytics-connector-${port}`
}

/** The values of the cookie in a `Cookie` header (RFC 6265, 5.4). */
export function sessionIdsIn(header: string | undefined, name: string): readonly string[] {
  const start = `${name}=`
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(start))
    .slice(0, MAX_TRIED)
    .map((pair) => pair.slice(start.length))
}

/** Over TLS a browser never sends it without TLS. */
export function sessionCookie(name: string, id: string, isSecure: boolean): string {
  return `${name}=${id}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`
}

/** Makes the browser forget the cookie. */
export function endedCookie(name: string, isSecure: boolean): string {
  return `${sessionCookie(name, '', isSecure)}; Max-Age=0`
}
