import { Page } from '../../ui/page';
import { Skeleton } from '../../ui/state';

export default function Usage() {
  return (
    <Page title="Usage">
      <Skeleton />
    </Page>
  );
}
