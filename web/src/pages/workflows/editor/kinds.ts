import { Bot, Braces, CalendarClock, CircleStop, Clock, Code2, Database, GitBranch, Globe, Hand, type LucideIcon, Merge, MessageSquare, Play, Repeat, Reply, Shuffle, ShieldCheck, Sparkles, Webhook, Workflow } from 'lucide-react';

const KINDS: Record<string, { icon: LucideIcon; group: string }> = {
  MANUAL_TRIGGER: { icon: Play, group: 'Start' },
  WEBHOOK: { icon: Webhook, group: 'Start' },
  SCHEDULE: { icon: CalendarClock, group: 'Start' },
  GUARDRAIL: { icon: ShieldCheck, group: 'Safety' },
  HUMAN_APPROVAL: { icon: Hand, group: 'Safety' },
  AI_AGENT: { icon: Bot, group: 'AI' },
  CHAT_MODEL: { icon: MessageSquare, group: 'AI' },
  EMBEDDING: { icon: Sparkles, group: 'AI' },
  HTTP_REQUEST: { icon: Globe, group: 'Act' },
  SQL_QUERY: { icon: Database, group: 'Act' },
  CODE: { icon: Code2, group: 'Act' },
  SUB_WORKFLOW: { icon: Workflow, group: 'Act' },
  CONDITION: { icon: GitBranch, group: 'Flow' },
  SWITCH: { icon: Shuffle, group: 'Flow' },
  FOR_EACH: { icon: Repeat, group: 'Flow' },
  MERGE: { icon: Merge, group: 'Flow' },
  TRANSFORM: { icon: Braces, group: 'Flow' },
  DELAY: { icon: Clock, group: 'Flow' },
  RESPOND: { icon: Reply, group: 'End' },
  STOP_WITH_ERROR: { icon: CircleStop, group: 'End' },
};
export const GROUPS = ['Start', 'Safety', 'AI', 'Act', 'Flow', 'End', 'Other'];
export const iconOf = (type: string): LucideIcon => KINDS[type]?.icon ?? Braces;
export const groupOf = (type: string): string => KINDS[type]?.group ?? 'Other';
