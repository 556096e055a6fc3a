import { Link, useLocation, useParams } from '@tanstack/react-router';
import { Activity, ChartColumn, CircleUser, ClipboardCheck, House, KeyRound, Menu, Moon, Scale, ScrollText, Search, ShieldCheck, Sun, Users, Workflow, X } from 'lucide-react';
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { isDark, setTheme } from '../lib/theme';
import { IconButton } from '../ui/button';
import { useShortcuts } from './shortcuts';
import { ScopePicker } from './ScopePicker';

const Palette = lazy(() => import('./Palette'));

export const PAGES = [
  { to: '', name: 'Home', icon: House, key: 'h' },
  { to: '/workflows', name: 'Workflows', icon: Workflow, key: 'w' },
  { to: '/runs', name: 'Runs', icon: Activity, key: 'r' },
  { to: '/approvals', name: 'Approvals', icon: ClipboardCheck, key: 'p' },
  { to: '/guardrails', name: 'Guardrails', icon: ShieldCheck, key: 'g' },
  { to: '/credentials', name: 'Credentials', icon: KeyRound, key: 'c' },
  { to: '/audit', name: 'Audit', icon: ScrollText, key: 'a' },
  { to: '/compliance', name: 'Compliance', icon: Scale, key: 'o' },
  { to: '/team', name: 'Team', icon: Users, key: 't' },
  { to: '/usage', name: 'Usage', icon: ChartColumn, key: 'u' },
] as const;

export function Shell({ children }: { children: ReactNode }) {
  const { team, environment } = useParams({ strict: false });
  const base = team && environment ? `/t/${team}/${environment}` : null;
  const { pathname } = useLocation();
  const [open, setOpen] = useState(false);
  const [palette, setPalette] = useState(false);
  const [dark, setDark] = useState(isDark());
  useEffect(() => setOpen(false), [pathname]);
  useShortcuts(base, () => setPalette(true));
  useEffect(() => {
    const heard = () => setDark(isDark());
    window.addEventListener('nodeloom-theme', heard);
    return () => window.removeEventListener('nodeloom-theme', heard);
  }, []);

  return (
    <div className="flex h-full min-h-0">
      <a href="#content" className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded focus:bg-panel focus:px-3 focus:py-2">
        Skip to the content
      </a>
      {open ? <button type="button" aria-label="Close the menu" className="fixed inset-0 z-20 bg-black/40 md:hidden" onClick={() => setOpen(false)} /> : null}
      <aside className={`fixed inset-y-0 left-0 z-30 flex w-56 flex-col border-r border-line bg-panel md:static ${open ? '' : 'max-md:hidden'}`}>
        <Link to="/" className="flex h-12 items-center gap-2.5 px-4 text-[15px] font-semibold">
          <img src="/assets/icon.svg" alt="" className="size-6" /> NodeLoom
        </Link>
        {base ? <ScopePicker team={team as string} environment={environment as string} /> : null}
        <nav aria-label="Main" className="flex flex-1 flex-col gap-0.5 overflow-y-auto px-2 py-2">
          {base
            ? PAGES.map(({ to, name, icon: Icon }) => {
                const here = to === '' ? pathname.replace(/\/$/, '') === base : pathname.startsWith(base + to);
                return (
                  <Link key={to} to={base + to} aria-current={here ? 'page' : undefined} className={`flex h-8 items-center gap-2.5 rounded-md px-2.5 text-[13px] ${here ? 'bg-accent-wash font-semibold text-accent' : 'text-soft hover:bg-raised hover:text-ink'}`}>
                    <Icon size={16} aria-hidden /> {name}
                  </Link>
                );
              })
            : null}
        </nav>
        <div className="flex items-center gap-1 border-t border-line p-2">
          <Link to="/account" className="flex h-8 flex-1 items-center gap-2.5 rounded-md px-2.5 text-[13px] text-soft hover:bg-raised hover:text-ink">
            <CircleUser size={16} aria-hidden /> Account
          </Link>
          <IconButton label={dark ? 'Light theme' : 'Dark theme'} onClick={() => setTheme(dark ? 'light' : 'dark')}>
            {dark ? <Sun size={16} aria-hidden /> : <Moon size={16} aria-hidden />}
          </IconButton>
        </div>
      </aside>
      <div className="flex min-w-0 flex-1 flex-col">
        <div className="flex h-12 items-center gap-2 border-b border-line bg-panel px-3 md:hidden">
          <IconButton label={open ? 'Close the menu' : 'Open the menu'} aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? <X size={18} aria-hidden /> : <Menu size={18} aria-hidden />}
          </IconButton>
          <span className="font-semibold">NodeLoom</span>
          <span className="flex-1" />
          {base ? (
            <IconButton label="Search" onClick={() => setPalette(true)}>
              <Search size={16} aria-hidden />
            </IconButton>
          ) : null}
        </div>
        <main id="content" tabIndex={-1} className="min-h-0 flex-1 overflow-y-auto outline-none">
          <Suspense>{children}</Suspense>
        </main>
      </div>
      {palette && base ? (
        <Suspense>
          <Palette base={base} onClose={() => setPalette(false)} />
        </Suspense>
      ) : null}
    </div>
  );
}
