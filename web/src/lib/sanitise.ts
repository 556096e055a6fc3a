import DOMPurify, { type Config } from 'dompurify';

/**
 * The dashboard's own pass (R126, R128): rules of its own, no code shared with the server's. Everything else that is
 * shown goes through React as text; this is only for what is meant to be rendered. Nothing that it lets through loads
 * anything, carries a style, or leads anywhere but to a web page or a mail.
 */
const RULES: Config = {
  ALLOWED_TAGS: ['a', 'b', 'blockquote', 'br', 'code', 'em', 'h3', 'h4', 'hr', 'i', 'li', 'ol', 'p', 'pre', 's', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
  ALLOWED_ATTR: ['href', 'title'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|\/(?!\/))/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  KEEP_CONTENT: true,
};

const purify = DOMPurify(window);
purify.addHook('afterSanitizeAttributes', (element) => {
  if (element.tagName !== 'A') return;
  element.setAttribute('target', '_blank');
  element.setAttribute('rel', 'noreferrer noopener');
});

export function sanitised(html: string): string {
  return purify.sanitize(html, RULES) as unknown as string;
}
