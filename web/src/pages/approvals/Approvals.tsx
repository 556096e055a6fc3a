import { Page } from '../../ui/page';
import { Skeleton } from '../../ui/state';

export default function Approvals() {
  return (
    <Page title="Approvals">
      <Skeleton />
    </Page>
  );
}
