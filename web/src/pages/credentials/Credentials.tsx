import { Page } from '../../ui/page';
import { Skeleton } from '../../ui/state';

export default function Credentials() {
  return (
    <Page title="Credentials">
      <Skeleton />
    </Page>
  );
}
