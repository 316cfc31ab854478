/** The frame around every page: navigation, the verdict, the state of the link. */
import { effect } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { needsLogin } from './api/client.ts'
import { isStale } from './live/events.ts'
import { overview } from './live/store.ts'
import { TITLES } from './pages.ts'
import { route } from './shell/current-route.ts'
import { Help } from './shell/help.tsx'
import { isHelpOpen } from './shell/keyboard.ts'
import { LinkNotice } from './shell/link-notice.tsx'
import { LoginPage } from './shell/login-page.tsx'
import { Navigation } from './shell/navigation.tsx'
import { PageOfRoute } from './shell/page-of-route.tsx'
import { Verdict } from './shell/verdict.tsx'

export function App() {
  useTitle()
  useFocusOnPageChange()
  if (needsLogin.value) return <LoginPage />
  return (
    <div class={`app ${isStale.value ? 'is-stale' : ''}`}>
      <a class="skip-link" href="#main">
        Skip to content
      </a>
      <Navigation />
      <main id="main" class="main" tabIndex={-1}>
        <LinkNotice />
        <Verdict />
        <PageOfRoute />
      </main>
      {isHelpOpen.value && <Help />}
    </div>
  )
}

/** The worst is in the tab's title, for people with many tabs. */
function useTitle(): void {
  useEffect(
    () =>
      effect(() => {
        const { page, name } = route.value
        const { instance = 'iot-analytics-connector', verdict } = overview.value ?? {}
        const sign = verdict === undefined || verdict.level === 'ok' ? '' : '(!) '
        document.title = `${sign}${name === '' ? TITLES[page] : name} · ${instance}`
      }),
    [],
  )
}

/** As after the load of a page: a keyboard and a screen reader begin at its content. */
function useFocusOnPageChange(): void {
  const { page, name } = route.value
  useEffect(() => {
    if (document.activeElement !== document.body) document.getElementById('main')?.focus()
    scrollTo(0, 0)
  }, [page, name])
}
