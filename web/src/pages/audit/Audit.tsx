import { Page } from '../../ui/page';
import { Skeleton } from '../../ui/state';

export default function Audit() {
  return (
    <Page title="Audit">
      <Skeleton />
    </Page>
  );
}
