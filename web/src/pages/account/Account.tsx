import { Page } from '../../ui/page';
import { Skeleton } from '../../ui/state';

export default function Account() {
  return (
    <Page title="Account">
      <Skeleton />
    </Page>
  );
}
