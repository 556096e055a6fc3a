export const KINDS = [
  ['PROMPT_INJECTION', 'Prompt injection'],
  ['PII_REDACTION', 'Personal data and secrets'],
  ['CONTENT_FILTER', 'Content'],
  ['SQL_INJECTION', 'SQL injection'],
  ['SEMANTIC_SIMILARITY', 'Nearness to known attacks'],
  ['SCHEMA_VALIDATION', 'Schema of outputs'],
  ['CUSTOM_RULE', 'Own rules'],
] as const;
export const kindName = (kind: string) => KINDS.find(([id]) => id === kind)?.[1] ?? kind;

/** What was done about a finding, from the mildest on, with the colour that it has everywhere. */
export const ENFORCEMENTS = [
  ['log', 'logged', 'fill-faint'],
  ['warn', 'warned', 'fill-busy'],
  ['flag', 'flagged', 'fill-warn'],
  ['redact', 'redacted', 'fill-accent'],
  ['block', 'blocked', 'fill-bad'],
] as const;
