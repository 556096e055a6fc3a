import { Page } from '../../ui/page';
import { Skeleton } from '../../ui/state';

export default function Versions() {
  return (
    <Page title="Versions">
      <Skeleton />
    </Page>
  );
}
