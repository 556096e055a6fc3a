import { Page } from '../../ui/page';
import { Skeleton } from '../../ui/state';

export default function Guardrails() {
  return (
    <Page title="Guardrails">
      <Skeleton />
    </Page>
  );
}
