/** The page that the address names. */
import { signal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { LOADERS, OVERVIEW } from '../pages.ts'
import { ErrorNotice } from '../parts/notices.tsx'
import type { PageName } from '../route.ts'
import { route } from './current-route.ts'

/** Pages whose code has been loaded. */
const loaded = signal<Partial<Record<PageName, ComponentType>>>({ overview: OVERVIEW })
const failure = signal<Error | undefined>(undefined)

export function PageOfRoute() {
  const { page, name } = route.value
  const Page = loaded.value[page]
  useEffect(() => {
    if (Page === undefined) void load(page)
  }, [page, Page])
  if (Page !== undefined) return <Page key={`${page}/${name}`} />
  if (failure.value === undefined) return null
  return <ErrorNotice error={failure.value} onRetry={() => location.reload()} />
}

async function load(page: PageName): Promise<void> {
  if (page === 'overview') return
  failure.value = undefined
  try {
    const component = await LOADERS[page]()
    loaded.value = { ...loaded.value, [page]: component }
  } catch {
    failure.value = new Error(
      'This page could not be loaded. Either the connector does not answer, or it has another version now; then loading the dashboard again helps.',
    )
  }
}
