import './styles.css';
import './lib/theme';
import { createRoot } from 'react-dom/client';
import { begin } from './api/early';
import { ahead } from './lib/pages';

// Sign-in is a small page of its own, so that it is there before the rest has loaded. Elsewhere who is here and the page
// that the address names are asked for beside the application, not after it.
const root = createRoot(document.getElementById('root') as HTMLElement);
const { pathname } = window.location;
const signIn = pathname.startsWith('/sign-in');
const page = signIn ? import('./pages/sign-in/SignIn') : import('./App');
if (!signIn) {
  begin();
  ahead(pathname);
}
void page.then(({ default: Page }) => root.render(<Page />));
