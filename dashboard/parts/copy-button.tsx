/** Puts a text into the clipboard. Without HTTPS and beyond this machine, browsers allow it only by hand. */
import { useEffect, useState } from 'preact/hooks'

const CONFIRMED_MS = 2_000

export interface CopyButtonProps {
  readonly text: string
  /** Such as `Copy the command`, for screen readers. */
  readonly label?: string
  /** Default: `Copy`. */
  readonly shown?: string
}

export function CopyButton({ text, label = 'Copy', shown = 'Copy' }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'copied' | 'failed'>()
  useEffect(() => {
    if (outcome === undefined) return
    const timeout = setTimeout(() => setOutcome(undefined), CONFIRMED_MS)
    return () => clearTimeout(timeout)
  }, [outcome])
  const copy = async (): Promise<void> => setOutcome((await isCopied(text)) ? 'copied' : 'failed')
  return (
    <button type="button" class="button is-small" aria-label={label} onClick={() => void copy()}>
      {outcome === undefined ? shown : outcome === 'copied' ? 'Copied' : 'Press Ctrl-C'}
    </button>
  )
}

async function isCopied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return isCopiedFromField(text)
  }
}

/** The way that works without HTTPS too, as long as browsers keep it. */
function isCopiedFromField(text: string): boolean {
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'visually-hidden'
  document.body.append(field)
  field.select()
  const isDone = document.execCommand('copy')
  field.remove()
  return isDone
}
