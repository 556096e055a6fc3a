import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Command } from 'cmdk';
import { useEffect, useRef, useState } from 'react';
import { api, body } from '../api/client';
import { setTheme } from '../lib/theme';
import { useKeys, useScope } from '../session';
import { PAGES } from './Shell';

export default function Palette({ base, onClose }: { base: string; onClose: () => void }) {
  const navigate = useNavigate();
  const { path } = useScope();
  const keys = useKeys();
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const workflows = useQuery({ queryKey: keys.of('workflows', 'palette'), queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/workflows', { params: { path, query: { limit: 100 } } })) });
  useEffect(() => {
    dialog.current?.showModal();
    dialog.current?.querySelector('input')?.focus();
  }, []);
  const go = (to: string) => {
    onClose();
    void navigate({ to });
  };
  const item = 'flex h-9 items-center rounded-md px-3 text-[13px] data-[selected=true]:bg-accent-wash data-[selected=true]:text-accent';
  return (
    <dialog ref={dialog} onClose={onClose} onClick={(event) => event.target === dialog.current && onClose()} aria-label="Command palette" className="mx-auto mt-[12vh] w-[min(94vw,560px)] rounded-xl border border-line bg-panel p-0 text-ink shadow-2xl">
      <Command label="Command palette" loop className="flex max-h-[60vh] flex-col">
        <Command.Input autoFocus value={text} onValueChange={setText} placeholder="Go to, or find a workflow, or paste a run's id…" className="h-12 w-full border-b border-line bg-transparent px-4 text-[14px] outline-none" />
        <Command.List className="overflow-y-auto p-2">
          <Command.Empty className="px-3 py-6 text-center text-[13px] text-soft">Nothing is called that.</Command.Empty>
          {text.startsWith('run_') ? (
            <Command.Item className={item} value={text} onSelect={() => go(`${base}/runs/${text.trim()}`)}>
              Open the run {text}
            </Command.Item>
          ) : null}
          <Command.Group heading="Pages" className="text-xs text-faint">
            {PAGES.map(({ to, name, key }) => (
              <Command.Item key={to} className={`${item} text-ink`} value={name} onSelect={() => go(base + to)}>
                <span className="flex-1">{name}</span>
                <kbd className="text-xs text-faint">g {key}</kbd>
              </Command.Item>
            ))}
          </Command.Group>
          <Command.Group heading="Workflows" className="text-xs text-faint">
            {workflows.data?.items.map((one) => (
              <Command.Item key={one.id} className={`${item} text-ink`} value={`${one.name} ${one.id}`} onSelect={() => go(`${base}/workflows/${one.id}`)}>
                {one.name}
              </Command.Item>
            ))}
          </Command.Group>
          <Command.Group heading="Theme" className="text-xs text-faint">
            {(['light', 'dark', 'system'] as const).map((one) => (
              <Command.Item key={one} className={`${item} text-ink`} value={`theme ${one}`} onSelect={() => { setTheme(one); onClose(); }}>
                Theme: {one}
              </Command.Item>
            ))}
          </Command.Group>
        </Command.List>
      </Command>
    </dialog>
  );
}
