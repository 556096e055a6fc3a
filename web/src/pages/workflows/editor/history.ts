import { useCallback, useReducer } from 'react';
import type { Definition } from './document';

interface State {
  past: Definition[];
  now: Definition;
  future: Definition[];
  /** What kind of change came last: typing in one field is one step back, not twenty. */
  kind: string;
  at: number;
}
type Action = { do: 'change'; next: Definition; kind: string } | { do: 'undo' } | { do: 'redo' } | { do: 'reset'; to: Definition };
const DEPTH = 200;

function step(state: State, action: Action): State {
  switch (action.do) {
    case 'change': {
      const now = performance.now();
      const together = action.kind !== '' && action.kind === state.kind && now - state.at < 1500;
      return { past: together ? state.past : [...state.past.slice(-DEPTH), state.now], now: action.next, future: [], kind: action.kind, at: now };
    }
    case 'undo': {
      const before = state.past.at(-1);
      return before ? { past: state.past.slice(0, -1), now: before, future: [state.now, ...state.future], kind: '', at: 0 } : state;
    }
    case 'redo': {
      const after = state.future[0];
      return after ? { past: [...state.past, state.now], now: after, future: state.future.slice(1), kind: '', at: 0 } : state;
    }
    case 'reset':
      return { past: [], now: action.to, future: [], kind: '', at: 0 };
  }
}

export function useDocument(first: Definition) {
  const [state, dispatch] = useReducer(step, { past: [], now: first, future: [], kind: '', at: 0 });
  return {
    definition: state.now,
    change: useCallback((next: Definition, kind = '') => dispatch({ do: 'change', next, kind }), []),
    undo: useCallback(() => dispatch({ do: 'undo' }), []),
    redo: useCallback(() => dispatch({ do: 'redo' }), []),
    reset: useCallback((to: Definition) => dispatch({ do: 'reset', to }), []),
    canUndo: state.past.length > 0,
    canRedo: state.future.length > 0,
  };
}
