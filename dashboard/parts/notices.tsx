/** What a page shows instead of data: nothing there yet, still loading, or an error. */
import type { ComponentChildren } from 'preact'
import { ApiError } from '../api/client.ts'
import type { Resource } from '../api/resource.ts'
import { Icon } from './icon.tsx'
import { VisibleText } from './visible-text.tsx'

/** Says what would fill the place. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

export function Loading({ children = 'Loading …' }: { children?: ComponentChildren }) {
  return (
    <p class="empty is-loading" aria-busy="true">
      {children}
    </p>
  )
}

/** The connector's own sentence, and what to do next. */
export function ErrorNotice({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  return (
    <div class="notice is-bad" role="alert">
      <Icon name="down" />
      <div>
        <p>
          <VisibleText text={error.message} />
        </p>
        {error instanceof ApiError && <p class="quiet">{error.code}</p>}
      </div>
      {onRetry !== undefined && (
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** The states of something that was loaded; the value stays visible below an error. */
export function Loaded<Value>({
  resource: { value, error, isSlow, reload },
  children,
}: {
  resource: Resource<Value>
  children: (value: Value) => ComponentChildren
}) {
  return (
    <>
      {error !== undefined && <ErrorNotice error={error} onRetry={reload} />}
      {value !== undefined && children(value)}
      {value === undefined && error === undefined && isSlow && <Loading />}
    </>
  )
}
