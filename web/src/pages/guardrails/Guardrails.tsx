import { ShieldCheck } from 'lucide-react';
import { useScope } from '../../session';
import { Card, Page } from '../../ui/page';
import { Empty } from '../../ui/state';
import { PageTabs } from '../../ui/tabs';
import { Exceptions } from './Exceptions';
import { Playground } from './Playground';
import { References } from './References';
import { Rules } from './Rules';
import { Thresholds } from './Thresholds';
import { Violations } from './Violations';

/** What screens the texts of this environment, what it found, and what it would find. */
export default function Guardrails() {
  const { may, refused, environment } = useScope();
  const or = (permission: string, content: () => React.ReactNode) => () => (may(permission) ? content() : <Card><Empty icon={ShieldCheck} title="Not for your role">{refused(permission)}</Empty></Card>);
  return (
    <Page title="Guardrails" lead={`What screens texts in ${environment}, what it found, and what it would find.`}>
      <PageTabs
        label="Parts of guardrails"
        parts={[
          { id: 'playground', name: 'Playground', content: () => <Playground /> },
          { id: 'violations', name: 'Violations', content: or('incident.view', () => <Violations />) },
          { id: 'thresholds', name: 'Thresholds', content: or('incident.view', () => <Thresholds />) },
          { id: 'rules', name: 'Rules', content: () => <Rules /> },
          { id: 'exceptions', name: 'Exceptions', content: () => <Exceptions /> },
          { id: 'references', name: 'References', content: () => <References /> },
        ]}
      />
    </Page>
  );
}
