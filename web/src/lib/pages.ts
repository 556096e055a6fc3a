/** Every page of a team and environment, by its address below them. The router shows them; `ahead` loads one early. */
export const PAGES = {
  '/': () => import('../pages/home/Home'),
  '/workflows': () => import('../pages/workflows/Workflows'),
  '/workflows/$workflow': () => import('../pages/workflows/Editor'),
  '/workflows/$workflow/versions': () => import('../pages/workflows/Versions'),
  '/runs': () => import('../pages/runs/Runs'),
  '/runs/$run': () => import('../pages/runs/Run'),
  '/approvals': () => import('../pages/approvals/Approvals'),
  '/guardrails': () => import('../pages/guardrails/Guardrails'),
  '/credentials': () => import('../pages/credentials/Credentials'),
  '/audit': () => import('../pages/audit/Audit'),
  '/compliance': () => import('../pages/compliance/Compliance'),
  '/team': () => import('../pages/team/Team'),
  '/usage': () => import('../pages/usage/Usage'),
};

/** Begins to load the page that an address names, beside the application that will show it. */
export function ahead(pathname: string): void {
  const [first, , , ...rest] = pathname.split('/').filter(Boolean);
  const like = (path: string) => {
    const parts = path.split('/').filter(Boolean);
    return parts.length === rest.length && parts.every((part, index) => part.startsWith('$') || part === rest[index]);
  };
  if (first === 't') void Object.entries(PAGES).find(([path]) => like(path))?.[1]().catch(() => {});
}
