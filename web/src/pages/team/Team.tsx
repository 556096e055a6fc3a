import { Page } from '../../ui/page';
import { Skeleton } from '../../ui/state';

export default function Team() {
  return (
    <Page title="Team">
      <Skeleton />
    </Page>
  );
}
