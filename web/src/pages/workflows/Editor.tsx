import { Page } from '../../ui/page';
import { Skeleton } from '../../ui/state';

export default function Editor() {
  return (
    <Page title="Editor">
      <Skeleton />
    </Page>
  );
}
