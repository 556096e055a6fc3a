import { useEffect, useRef, useState } from 'react';
import { useScope } from '../session';

export interface LiveEvent {
  sequence: number;
  kind: string;
  at?: string;
  run?: string;
  [more: string]: unknown;
}

/** Events of this team and environment as they happen; connects again by itself, where it left off. */
export function useLive(heard: (event: LiveEvent) => void, run?: string): boolean {
  const { team, environment } = useScope();
  const [live, setLive] = useState(false);
  const handler = useRef(heard);
  handler.current = heard;
  useEffect(() => {
    let socket: WebSocket | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let after: number | undefined;
    let tries = 0;
    let over = false;
    const connect = () => {
      const url = new URL(`/api/v1/teams/${team}/${environment}/events`, window.location.href);
      url.protocol = 'wss:';
      if (after !== undefined) url.searchParams.set('after', String(after));
      if (run) url.searchParams.set('run', run);
      socket = new WebSocket(url);
      socket.onopen = () => {
        tries = 0;
        setLive(true);
      };
      socket.onmessage = (message) => {
        const event = JSON.parse(String(message.data)) as LiveEvent;
        after = event.sequence;
        handler.current(event);
      };
      socket.onclose = () => {
        setLive(false);
        if (!over) timer = setTimeout(connect, Math.min(30_000, 500 * 2 ** tries++));
      };
    };
    connect();
    return () => {
      over = true;
      clearTimeout(timer);
      socket?.close();
    };
  }, [team, environment, run]);
  return live;
}
