import './styles.css';
import './lib/theme';
import { createRoot } from 'react-dom/client';

// Sign-in is a small page of its own, so that it is there before the rest has loaded.
const root = createRoot(document.getElementById('root') as HTMLElement);
const page = window.location.pathname.startsWith('/sign-in') ? import('./pages/sign-in/SignIn') : import('./App');
void page.then(({ default: Page }) => root.render(<Page />));
