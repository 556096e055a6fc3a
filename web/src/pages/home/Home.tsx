import { Page } from '../../ui/page';
import { Skeleton } from '../../ui/state';

export default function Home() {
  return (
    <Page title="Home">
      <Skeleton />
    </Page>
  );
}
