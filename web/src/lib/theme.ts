export type Theme = 'light' | 'dark' | 'system';
const KEY = 'nodeloom.theme';
const dark = window.matchMedia('(prefers-color-scheme: dark)');

export function theme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export function setTheme(next: Theme): void {
  if (next === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  apply();
}

export function isDark(): boolean {
  const chosen = theme();
  return chosen === 'dark' || (chosen === 'system' && dark.matches);
}

function apply(): void {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
  window.dispatchEvent(new Event('nodeloom-theme'));
}

dark.addEventListener('change', apply);
apply();
