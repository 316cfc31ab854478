/** A payload with the choice of its form, and a button that copies it. */
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { CopyButton } from './copy-button.tsx'
import { type Payload, type PayloadForm, PayloadView, payloadLine } from './json-view.tsx'

const FORMS: readonly PayloadForm[] = ['pretty', 'raw', 'hex']

export interface PayloadPanelProps {
  readonly payload: Payload
  /** More buttons. */
  readonly children?: ComponentChildren
}

export function PayloadPanel({ payload, children }: PayloadPanelProps) {
  const form = useSignal<PayloadForm>('pretty')
  return (
    <>
      <div class="choices">
        {FORMS.map((one) => (
          <button
            key={one}
            type="button"
            class="button is-small"
            aria-pressed={form.value === one}
            onClick={() => (form.value = one)}
          >
            {one}
          </button>
        ))}
        <CopyButton text={payloadLine(payload)} label="Copy the payload" />
        {children}
      </div>
      <PayloadView payload={payload} form={form.value} />
    </>
  )
}
