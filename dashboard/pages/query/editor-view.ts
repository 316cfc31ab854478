/**
 * CodeMirror for SQL. It lives in a shadow root, where its styles are adopted style sheets: in the
 * document they would be elements, which the page's policy forbids.
 */
import {
  autocompletion,
  closeBrackets,
  closeCompletion,
  completionKeymap,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { PostgreSQL, type SQLNamespace, sql } from '@codemirror/lang-sql'
import { syntaxHighlighting } from '@codemirror/language'
import { Compartment, EditorState } from '@codemirror/state'
import { EditorView, keymap, lineNumbers, placeholder } from '@codemirror/view'
import { classHighlighter } from '@lezer/highlight'

export interface EditorOptions {
  readonly place: HTMLElement
  readonly text: string
  readonly onChange: (text: string) => void
  readonly onRun: () => void
}

export interface Editor {
  readonly setText: (text: string) => void
  readonly insert: (text: string) => void
  readonly setTables: (tables: SQLNamespace) => void
  /** Shown while there is no text. */
  readonly setExample: (sql: string) => void
  readonly focus: () => void
  readonly remove: () => void
}

/** The colours are those of the page: custom properties reach into shadow roots. */
const LOOK = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--card)', fontSize: '13.5px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': {
    fontFamily: 'var(--mono)',
    lineHeight: '1.55',
    minHeight: '118px',
    maxHeight: '320px',
  },
  '.cm-content': { caretColor: 'var(--text)', padding: '10px 0' },
  '.cm-gutters': {
    color: 'var(--quiet)',
    backgroundColor: 'var(--card)',
    border: 'none',
    paddingLeft: '4px',
  },
  '.cm-placeholder': { color: 'var(--quiet)' },
  '.cm-matchingBracket': { backgroundColor: 'var(--info-tint)' },
  '.tok-keyword': { color: 'var(--info)', fontWeight: '600' },
  '.tok-string, .tok-string2': { color: 'var(--ok)' },
  '.tok-number, .tok-bool, .tok-null': { color: 'var(--warn)' },
  '.tok-comment': { color: 'var(--quiet)', fontStyle: 'italic' },
  '.cm-tooltip': {
    color: 'var(--text)',
    backgroundColor: 'var(--card)',
    border: '1px solid var(--line-strong)',
    borderRadius: '8px',
    overflow: 'hidden',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    color: 'var(--text)',
    backgroundColor: 'var(--info-tint)',
  },
  '.cm-completionDetail': { color: 'var(--quiet)', fontStyle: 'normal' },
})

export function createEditor(options: EditorOptions): Editor {
  const { place, onChange, onRun } = options
  const root = place.shadowRoot ?? place.attachShadow({ mode: 'open', delegatesFocus: true })
  const language = new Compartment()
  const example = new Compartment()
  const run = (target: EditorView): boolean => {
    // Otherwise Esc would close the list instead of cancelling the query.
    closeCompletion(target)
    onRun()
    return true
  }
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        // Before the other keys: Mod-Enter would insert a line.
        keymap.of([{ key: 'Mod-Enter', run }]),
        history(),
        closeBrackets(),
        autocompletion({ icons: false }),
        language.of(sqlOf({})),
        syntaxHighlighting(classHighlighter),
        lineNumbers(),
        example.of([]),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'SQL' }),
        EditorView.updateListener.of(({ docChanged, state }) => {
          if (docChanged) onChange(state.doc.toString())
        }),
        // Tab stays what it is everywhere: it goes to the next control.
        keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        EditorView.domEventHandlers({ beforeinput: replaceSelection }),
        LOOK,
      ],
    }),
  })
  return {
    setText: (text) =>
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    insert: (text) => {
      view.dispatch(view.state.replaceSelection(text))
      view.focus()
    },
    setTables: (tables) => view.dispatch({ effects: language.reconfigure(sqlOf(tables)) }),
    setExample: (text) =>
      view.dispatch({ effects: example.reconfigure(text === '' ? [] : placeholder(text)) }),
    focus: () => view.focus(),
    remove: () => view.destroy(),
  }
}

/**
 * A browser that replaces a selection itself keeps its look in style attributes, which the page's
 * policy forbids.
 */
function replaceSelection(event: InputEvent, view: EditorView): boolean {
  const { from, to, empty } = view.state.selection.main
  const { data: text, inputType, isComposing } = event
  if (inputType !== 'insertText' || text === null || empty || isComposing) return false
  const insert = () =>
    view.state.update(view.state.replaceSelection(text), {
      userEvent: 'input.type',
      scrollIntoView: true,
    })
  const handlers = view.state.facet(EditorView.inputHandler)
  if (!handlers.some((handle) => handle(view, from, to, text, insert))) view.dispatch(insert())
  return true
}

function sqlOf(schema: SQLNamespace) {
  return sql({ dialect: PostgreSQL, schema })
}
