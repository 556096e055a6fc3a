/** For lists of any length: what is loaded is neither compared item by item nor fetched again page by page. */
export const LONG = { structuralSharing: false, staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, refetchOnReconnect: false, gcTime: 30_000 } as const;
