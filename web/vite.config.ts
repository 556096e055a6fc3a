import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The policy that the server sends (script-src 'self', style-src 'self') forbids anything inline, so nothing is inlined.
export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: false,
    manifest: true,
  },
  server: {
    proxy: {
      '/api': { target: process.env.NODELOOM_URL ?? 'https://localhost:8443', secure: false, ws: true },
    },
  },
});
