import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import { json } from '@codemirror/lang-json';
import { python } from '@codemirror/lang-python';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers, placeholder as ghost } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';

export type Language = 'json' | 'javascript' | 'python' | 'text';
const LANGUAGES = { json: json(), javascript: javascript(), python: python(), text: [] };

/** The palette's own colours, which are readable in both themes. */
const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--busy)' },
  { tag: [tags.propertyName, tags.definition(tags.variableName), tags.function(tags.variableName)], color: 'var(--ink)', fontWeight: '600' },
  { tag: [tags.comment], color: 'var(--faint)', fontStyle: 'italic' },
  { tag: [tags.invalid], color: 'var(--bad)' },
]);

const LOOK = EditorView.theme({
  '&': { fontSize: '12.5px', backgroundColor: 'var(--panel)', color: 'var(--ink)', maxHeight: '22rem' },
  '.cm-scroller': { fontFamily: 'ui-monospace, Menlo, Consolas, monospace', overflow: 'auto' },
  '.cm-gutters': { backgroundColor: 'var(--raised)', color: 'var(--faint)', border: 'none' },
  '.cm-content': { caretColor: 'var(--ink)', minHeight: '4rem' },
  '&.cm-focused': { outline: '2px solid var(--accent)' },
});

/**
 * An editor for code and JSON. It lives in a shadow root: there its style sheets are constructed ones, which the strict
 * policy allows, while in the page they would be inline.
 */
export function Code({ value, onChange, language, label, placeholder, readOnly }: { value: string; onChange?: (value: string) => void; language: Language; label: string; placeholder?: string; readOnly?: boolean }) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const changed = useRef(onChange);
  changed.current = onChange;
  // Texts that were told and have not come back yet. One that comes back late must not replace what was typed since.
  const told = useRef<string[]>([]);
  const given = useRef(false);
  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
    const mode = new Compartment();
    const editor = new EditorView({
      root,
      parent: root as unknown as Element,
      state: EditorState.create({
        doc: value,
        extensions: [
          lineNumbers(), history(), indentOnInput(), bracketMatching(), syntaxHighlighting(COLOURS),
          // Tab leaves the editor after Escape, so that the keyboard is never caught.
          keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
          mode.of(LANGUAGES[language]), LOOK, EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label }),
          EditorState.readOnly.of(readOnly ?? false),
          ...(placeholder ? [ghost(placeholder)] : []),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || given.current) return;
            told.current = [...told.current.slice(-50), update.state.doc.toString()];
            changed.current?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
    // The editor owns its text from here on; a new language or label makes a new one.
    // eslint-disable-next-line
  }, [language, label, readOnly, placeholder]);
  useEffect(() => {
    const editor = view.current;
    const back = told.current.lastIndexOf(value);
    told.current = told.current.slice(back + 1);
    if (!editor || back >= 0 || editor.state.doc.toString() === value) return;
    told.current = [];
    given.current = true;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
    given.current = false;
  }, [value]);
  return <div ref={host} className="min-w-0 overflow-hidden rounded-md border border-strong/60" />;
}
