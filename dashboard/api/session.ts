/** Who is looking, and what they may do. */
import { computed, signal } from '@preact/signals'
import type { Login, Session } from '../../src/http/api/shapes/session.ts'
import { deleteOf, getJson, needsLogin, postJson } from './client.ts'

export const session = signal<Session | undefined>(undefined)
export const mayOperate = computed(() => session.value?.rights.includes('operate') === true)
/** Why the code of the address was not accepted. */
export const loginError = signal<string | undefined>(undefined)

const CODE = /[#&]code=([^&]+)/

/**
 * Call once, first: takes the code that the command `dashboard` has put into the address, and
 * removes it there at once, so that it is neither copied nor kept in the history.
 */
export async function startSession(): Promise<void> {
  const code = CODE.exec(location.hash)?.[1]
  if (code !== undefined) {
    history.replaceState(null, '', '#/overview')
    await logIn({ code: decoded(code) })
  } else await checkSession()
}

/** Never rejects. */
export async function checkSession(): Promise<void> {
  try {
    session.value = await getJson<Session>('session')
    needsLogin.value = false
  } catch {
    // Not allowed: `needsLogin` says so. No answer: the state of the link says so.
  }
}

/** Never rejects: `loginError` has the reason. */
export async function logIn(login: Login): Promise<void> {
  loginError.value = undefined
  try {
    session.value = await postJson<Session>('session', login)
    needsLogin.value = false
  } catch (thrown) {
    await checkSession()
    loginError.value = thrown instanceof Error ? thrown.message : String(thrown)
  }
}

/** Never rejects. */
export async function logOut(): Promise<void> {
  try {
    await deleteOf('session')
  } catch {
    // It has ended already, or ends by itself.
  }
  session.value = undefined
  await checkSession()
}

/** A code that was cut while it was copied is wrong, and the connector says so. */
function decoded(code: string): string {
  try {
    return decodeURIComponent(code)
  } catch {
    return code
  }
}
