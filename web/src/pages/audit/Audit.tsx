import { useMutation, useQuery } from '@tanstack/react-query';
import { BadgeCheck, ScrollText, ShieldX } from 'lucide-react';
import { useState } from 'react';
import { api, body } from '../../api/client';
import { useKeys, useScope } from '../../session';
import { Button } from '../../ui/button';
import { Select } from '../../ui/field';
import { Card, Page } from '../../ui/page';
import { Empty } from '../../ui/state';
import { PageTabs } from '../../ui/tabs';
import { sayError } from '../../ui/toast';
import { Checkpoints } from './Checkpoints';
import { Entries, type Filter } from './Entries';
import { SiemDestinations } from './Siem';

export default function Audit() {
  const { path, may, refused, team, environment } = useScope();
  const [filter, setFilter] = useState<Filter>({});
  const verify = useMutation({ mutationFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/audit/verification', { params: { path } })), onError: sayError });
  if (!may('audit.view')) {
    return (
      <Page title="Audit">
        <Card><Empty icon={ScrollText} title="Not for your role">{refused('audit.view')}</Empty></Card>
      </Page>
    );
  }
  const download = (format: string) => {
    const query = new URLSearchParams({ format, ...(format === 'bundle' ? {} : filter) });
    window.location.assign(`/api/v1/teams/${team}/${environment}/audit/export?${query}`);
  };
  return (
    <Page
      title="Audit"
      lead="Every change and every sensitive read, in a chain that an outsider can check."
      actions={
        <>
          <Select bare label="Export as" value="" onChange={(event) => event.target.value && download(event.target.value)} disabled={!may('data.export')}>
            <option value="">Export…</option>
            <option value="bundle">Bundle with proof</option>
            <option value="jsonl">JSON lines</option>
            <option value="csv">CSV</option>
            <option value="ocsf">OCSF</option>
          </Select>
          <Button look="primary" icon={<BadgeCheck size={14} aria-hidden />} busy={verify.isPending} onClick={() => verify.mutate()}>
            Verify
          </Button>
        </>
      }
    >
      {verify.isPending ? <Verifying /> : null}
      {verify.data ? (
        <div role="status" className={`flex items-center gap-2 rounded-lg border px-4 py-3 text-[13px] ${verify.data.intact ? 'border-good/40 bg-good-wash text-good' : 'border-bad/40 bg-bad-wash text-bad'}`}>
          {verify.data.intact ? <BadgeCheck size={16} className="shrink-0" aria-hidden /> : <ShieldX size={16} className="shrink-0" aria-hidden />}
          {verify.data.intact
            ? `Intact: ${verify.data.chains.reduce((sum, chain) => sum + chain.entries, 0).toLocaleString()} entries in ${verify.data.chains.length} chains, ${verify.data.checkpoints} signed checkpoints.`
            : `Tampered with. First bad: ${verify.data.chains.find((chain) => chain.first_bad)?.first_bad ?? verify.data.bad_checkpoint ?? 'a checkpoint'}.`}
        </div>
      ) : null}
      <PageTabs
        label="Parts of the audit trail"
        parts={[
          { id: 'entries', name: 'Entries', content: () => <Entries filter={filter} setFilter={setFilter} /> },
          { id: 'checkpoints', name: 'Checkpoints', content: () => <Checkpoints /> },
          { id: 'siem', name: 'SIEM', content: () => (may('settings.siem') ? <SiemDestinations /> : <Card><Empty icon={ScrollText} title="Not for your role">{refused('settings.siem')}</Empty></Card>) },
        ]}
      />
    </Page>
  );
}

/** Every hash and every signature is computed anew, which takes a while for a long trail. */
function Verifying() {
  const { path } = useScope();
  const keys = useKeys();
  const far = useQuery({ queryKey: keys.of('verification'), refetchInterval: 300, gcTime: 0, retry: false, queryFn: () => body(api.GET('/api/v1/teams/{team}/{environment}/audit/verification/progress', { params: { path } })) });
  const { read = 0, entries = 0 } = far.data ?? {};
  return (
    <div role="status" className="flex flex-wrap items-center gap-3 rounded-lg border border-line bg-panel px-4 py-3 text-[13px]">
      <progress aria-label="Verifying" {...(entries > 0 ? { value: read, max: entries } : {})} className="h-1.5 w-40 accent-(--accent)" />
      <span className="tabular-nums">{entries > 0 ? `${read.toLocaleString()} of ${entries.toLocaleString()} entries: every hash and signature is computed anew.` : 'The signed checkpoints come first.'}</span>
    </div>
  );
}
